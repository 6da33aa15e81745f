//! Whatever happens to its connections, it keeps to its limits and never spins.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::netgroup::NetGroup;

#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    WaitUntilItWants,
    Succeed(u8),
    Fail(u8),
    Lose(u8),
    Inbound(u16),
    Learn(u16),
    Resolve { found: bool },
    AddNode(u16),
    RemoveNode(u16),
    NearTip(bool),
    StaleTip(bool),
    NetworkActive(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u32..200_000).prop_map(Step::Wait),
        4 => Just(Step::WaitUntilItWants),
        8 => any::<u8>().prop_map(Step::Succeed),
        4 => any::<u8>().prop_map(Step::Fail),
        4 => any::<u8>().prop_map(Step::Lose),
        1 => any::<u16>().prop_map(Step::Inbound),
        2 => (0u16..3_000).prop_map(Step::Learn),
        2 => any::<bool>().prop_map(|found| Step::Resolve { found }),
        1 => (0u16..50).prop_map(Step::AddNode),
        1 => (0u16..50).prop_map(Step::RemoveNode),
        1 => any::<bool>().prop_map(Step::NearTip),
        1 => any::<bool>().prop_map(Step::StaleTip),
        1 => prop::bool::weighted(0.8).prop_map(Step::NetworkActive),
    ]
}

fn any_config() -> impl Strategy<Value = PoolConfig> {
    (
        0usize..9,
        0usize..3,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(full_relay, block_relay, dns, seed_nodes, fixed)| PoolConfig {
                full_relay,
                block_relay,
                dns_seeds: if dns {
                    vec!["a.example".into(), "b.example".into()]
                } else {
                    vec![]
                },
                seed_nodes: if seed_nodes {
                    vec!["s.example".into()]
                } else {
                    vec![]
                },
                fixed_seeds: if fixed {
                    (900..920).map(nth).collect()
                } else {
                    vec![]
                },
                anchors: vec![nth(950), nth(951)],
                ..PoolConfig::default()
            },
        )
}

/// Limits that hold whatever happened.
fn check(lab: &Lab) {
    let pool = &lab.pool;
    let (full, block) = (pool.config.full_relay, pool.config.block_relay);
    let automatic = pool.count(ConnKind::OutboundFullRelay)
        + pool.count(ConnKind::BlockRelayOnly)
        + pool.count(ConnKind::Feeler);
    assert!(
        automatic <= full + block + 1,
        "{automatic} automatic connections"
    );
    assert!(pool.count(ConnKind::OutboundFullRelay) <= full + 1);
    assert!(pool.count(ConnKind::BlockRelayOnly) <= block + 1);
    assert!(pool.count(ConnKind::AddrFetch) <= 2);
    assert!(pool.count(ConnKind::Manual) <= 8);
    let lasting = pool.conns.values().filter(|c| {
        matches!(
            c.kind,
            ConnKind::OutboundFullRelay | ConnKind::BlockRelayOnly
        )
    });
    let mut groups = BTreeSet::new();
    for conn in lasting {
        assert!(
            groups.insert(NetGroup::of(&conn.addr.unwrap().host)),
            "one group twice"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn its_limits_hold_under_any_churn(
        config in any_config(),
        start_known in 0u16..60,
        steps in vec(any_step(), 1..150),
    ) {
        let mut lab = Lab::knowing(config, start_known);
        let mut opening: Vec<(PeerId, Target, ConnKind)> = Vec::new();
        let mut open: Vec<PeerId> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(ms) => lab.wait(Duration::from_millis(ms.into())),
                Step::WaitUntilItWants => {
                    if let Some(at) = lab.pool.next_wakeup() {
                        lab.now = lab.now.max(at);
                    }
                }
                Step::Succeed(n) if !opening.is_empty() => {
                    let (peer, target, kind) = opening.remove(usize::from(n) % opening.len());
                    lab.succeed(peer, &target, kind);
                    open.push(peer);
                }
                Step::Fail(n) if !opening.is_empty() => {
                    let (peer, ..) = opening.remove(usize::from(n) % opening.len());
                    lab.pool.on_failed(peer, lab.now);
                }
                Step::Lose(n) if !open.is_empty() => {
                    let peer = open.remove(usize::from(n) % open.len());
                    lab.pool.on_disconnected(peer, lab.now);
                }
                Step::Inbound(n) => {
                    lab.next_peer += 1;
                    let peer = PeerId(lab.next_peer);
                    lab.pool.on_connected(peer, nth(n % 3_000), ConnKind::Inbound);
                    open.push(peer);
                }
                Step::Learn(n) => {
                    let entry = AddrEntry {
                        time: lab.now.as_secs() as u32,
                        services: full_node(),
                        addr: nth(n),
                    };
                    lab.pool.add_addresses(&[entry], nth(7).host, Duration::ZERO, lab.now);
                }
                Step::Resolve { found } => {
                    if let Some(name) = names.pop() {
                        let addrs: Vec<_> = (2_000..2_030).map(nth).collect();
                        let addrs = if found { &addrs[..] } else { &[] };
                        lab.pool.on_resolved(&name, addrs, lab.now);
                    }
                }
                Step::AddNode(n) => {
                    lab.pool.add_node(&nth(n).to_string(), lab.now);
                }
                Step::RemoveNode(n) => {
                    lab.pool.remove_node(&nth(n).to_string());
                }
                Step::NearTip(near) => lab.pool.set_near_tip(near),
                Step::StaleTip(stale) => lab.pool.set_stale_tip(stale),
                Step::NetworkActive(active) => lab.pool.set_network_active(active),
                Step::Succeed(_) | Step::Fail(_) | Step::Lose(_) => {}
            }
            for action in lab.wants() {
                match action {
                    PoolAction::Connect { peer, target, kind } => opening.push((peer, target, kind)),
                    PoolAction::Resolve { name, .. } => names.push(name),
                    PoolAction::FixedSeedsAdded { .. } => {}
                }
            }
            check(&lab);
        }
    }
}
