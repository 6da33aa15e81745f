//! What the clock demands.

use std::time::Duration;

use tipward_primitives::Timestamp;

use super::Machine;
use crate::chain_guard::{self, StaleTip};
use crate::download::Finding;
use crate::event::Event;
use crate::io::{ConnKind, DisconnectReason, PeerId};
use crate::ping;

/// Peers are looked at this often at least.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// Time for a peer to send us addresses; Core's figure.
const ADDR_FETCH_TIMEOUT: Duration = Duration::from_secs(5 * 60);

impl Machine {
    /// When time alone will make the machine do something; [`Machine::handle`] with `Input::Tick` is due then.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let looks = (!self.shared.peers.is_empty()).then_some(self.next_look);
        [
            looks,
            self.headers.due(),
            self.download.next_check(),
            self.stale_tip.due(),
            self.pool.next_wakeup(),
            self.next_gossip,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Looks at the clock, and does what is due.
    pub(super) fn look(&mut self) {
        let now = self.shared.now;
        self.headers.look(&mut self.shared);
        for finding in self.download.look(now) {
            self.found(finding);
        }
        let in_flight = self.download.in_flight();
        if self.stale_tip.look(&self.shared, in_flight) {
            let seconds = now.since(self.stale_tip.moved).as_secs();
            self.shared.log(Event::StaleTip { seconds });
        }
        self.pool.set_stale_tip(self.stale_tip.wants_extra_peer);
        if now >= self.next_look {
            self.look_at_peers();
            self.part_from_surplus();
        }
        let download = &self.download;
        self.headers
            .probe(&mut self.shared, |p| download.lacks_range(p.id));
    }

    /// A mocked clock was moved back: what was due later than any timer can be is due anew.
    pub(super) fn clock_moved_back(&mut self, now: Timestamp) {
        self.next_look = now;
        self.next_surplus_check = now;
        self.next_gossip = Some(now);
        self.ask_pool = true;
        self.headers.clock_moved_back(now);
        self.download.clock_moved_back(now);
        self.stale_tip = StaleTip::new(now);
        for p in self.shared.peers.values_mut() {
            p.connected_at = p.connected_at.min(now);
            p.getheaders_out = p.getheaders_out.map(|t| t.min(now));
            p.ping.last_sent = p.ping.last_sent.map(|t| t.min(now));
            p.ping.out = p.ping.out.map(|(nonce, t)| (nonce, t.min(now)));
            p.traffic.last_send = p.traffic.last_send.map(|t| t.min(now));
            p.traffic.last_receive = p.traffic.last_receive.map(|t| t.min(now));
            p.chain_sync.timeout = None;
        }
    }

    fn look_at_peers(&mut self) {
        let now = self.shared.now;
        let timeout = self.shared.config.peer_timeout;
        let peers: Vec<PeerId> = self.shared.peers.keys().copied().collect();
        for peer in peers {
            ping::look(&mut self.shared, peer);
            chain_guard::look(&mut self.shared, peer);
            let idle = self.shared.peers.get(&peer).is_some_and(|p| {
                p.kind == ConnKind::AddrFetch && now.since(p.connected_at) > ADDR_FETCH_TIMEOUT
            });
            if idle {
                self.part(peer, DisconnectReason::Timeout("address fetch"));
            }
        }
        self.next_look = self
            .shared
            .peers
            .values()
            .filter(|p| p.closing.is_none())
            .map(|p| ping::due(p, timeout))
            .min()
            .unwrap_or(now + LONGEST_LOOK)
            .clamp(now + Duration::from_millis(100), now + LONGEST_LOOK);
    }

    fn found(&mut self, finding: Finding) {
        match finding {
            Finding::Hedge { slow, request } => {
                if let Some((height, hash)) = request.blocks.first().copied() {
                    self.shared.log(Event::Hedged {
                        hash,
                        height,
                        slow,
                        fast: request.peer,
                    });
                }
                self.request(request);
            }
            Finding::Silent { peer, blocks } => self.shared.log(Event::Reassigned {
                peer,
                count: blocks,
                why: "it is silent",
            }),
            Finding::Convicted { peer, silent } => {
                let what = format!("silent for {:.1} s", silent.as_secs_f64());
                self.part(peer, DisconnectReason::Stalling(what));
            }
            Finding::Unanswered { peer } => {
                self.part(
                    peer,
                    DisconnectReason::Timeout("block request not answered"),
                );
            }
            Finding::TooLong { peer } => {
                self.part(peer, DisconnectReason::Timeout("block download"));
            }
        }
    }
}
