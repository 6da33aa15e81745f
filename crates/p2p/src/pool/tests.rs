mod automatic;
mod churn;
mod manual;
mod seeds;

use std::net::Ipv4Addr;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A pool, a clock and somebody who does what it wants.
struct Lab {
    pool: Pool,
    bans: BanMan,
    now: Timestamp,
    next_peer: u64,
}

/// An address of the nth network group.
fn nth(n: u16) -> Address {
    let [a, b] = n.to_be_bytes();
    Address::new(Ipv4Addr::new(20 + a, b, 1, 1), 8333)
}

fn full_node() -> ServiceFlags {
    ServiceFlags::NETWORK | ServiceFlags::WITNESS
}

/// The first `count` of these addresses, as their own nodes would announce them.
fn known(count: u16, now: Timestamp) -> AddrMan {
    let mut man = AddrMan::new([3; 32]);
    for n in 0..count {
        let entry = AddrEntry {
            time: now.as_secs() as u32,
            services: full_node(),
            addr: nth(n),
        };
        man.add(&[entry], nth(n).host, Duration::ZERO, now);
    }
    man
}

impl Lab {
    fn new(config: PoolConfig) -> Self {
        Self::knowing(config, 0)
    }

    fn knowing(config: PoolConfig, count: u16) -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        Self {
            pool: Pool::new(config, known(count, now), [5; 32]),
            bans: BanMan::new(),
            now,
            next_peer: 0,
        }
    }

    /// All that it wants at this time.
    fn wants(&mut self) -> Vec<PoolAction> {
        let mut out = Vec::new();
        while let Some(action) = self.pool.poll(self.now, &self.bans, &mut || {
            self.next_peer += 1;
            PeerId(self.next_peer)
        }) {
            out.push(action);
            assert!(out.len() < 1_000, "it never has enough");
        }
        if let Some(at) = self.pool.next_wakeup() {
            assert!(at > self.now, "it wants to be asked again at once");
        }
        out
    }

    fn connects(&mut self) -> Vec<(PeerId, Target, ConnKind)> {
        self.wants()
            .into_iter()
            .filter_map(|a| match a {
                PoolAction::Connect { peer, target, kind } => Some((peer, target, kind)),
                _ => None,
            })
            .collect()
    }

    fn resolves(&mut self) -> Vec<String> {
        self.wants()
            .into_iter()
            .filter_map(|a| match a {
                PoolAction::Resolve { name, .. } => Some(name),
                _ => None,
            })
            .collect()
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    /// A connection stands and the handshake is over.
    fn succeed(&mut self, peer: PeerId, target: &Target, kind: ConnKind) {
        let addr = match target {
            Target::Addr(addr) => *addr,
            Target::Name(_) => nth(9_999),
        };
        self.pool.on_connected(peer, addr, kind);
        self.pool.on_handshake(peer, full_node(), self.now);
    }

    /// Lets every connection that is wanted now succeed, until nothing is wanted.
    fn fill(&mut self) -> Vec<(PeerId, Target, ConnKind)> {
        let mut all = Vec::new();
        loop {
            let opened = self.connects();
            if opened.is_empty() {
                return all;
            }
            for (peer, target, kind) in &opened {
                self.succeed(*peer, target, *kind);
            }
            all.extend(opened);
        }
    }
}

fn named(name: &str) -> Target {
    Target::Name(name.to_owned())
}
