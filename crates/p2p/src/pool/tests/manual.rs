use super::*;

fn connect(nodes: &[&str]) -> PoolConfig {
    PoolConfig {
        connect: Some(nodes.iter().map(|n| (*n).to_owned()).collect()),
        dns_seeds: vec!["seed.example.org".to_owned()],
        fixed_seeds: vec![nth(1)],
        ..PoolConfig::default()
    }
}

#[test]
fn with_connect_there_is_nobody_else_and_no_dns() {
    let mut lab = Lab::knowing(connect(&["127.0.0.1:5", "node.example.org"]), 100);
    let wanted: Vec<_> = lab.wants();
    assert_eq!(
        wanted,
        [
            PoolAction::Connect {
                peer: PeerId(1),
                target: Target::Addr("127.0.0.1:5".parse().unwrap()),
                kind: ConnKind::Manual,
            },
            PoolAction::Connect {
                peer: PeerId(2),
                target: named("node.example.org:8333"),
                kind: ConnKind::Manual,
            },
        ]
    );
    lab.wait(SECOND * 86_400);
    assert_eq!(lab.wants(), []);
    assert_eq!(lab.pool.next_wakeup(), None);
}

#[test]
fn connect_to_nobody_means_nobody() {
    let mut lab = Lab::knowing(connect(&[]), 100);
    assert_eq!(lab.wants(), []);
    assert_eq!(lab.pool.next_wakeup(), None);
}

#[test]
fn a_node_that_fails_is_tried_again_after_growing_pauses_and_forever() {
    let mut lab = Lab::new(connect(&["1.2.3.4"]));
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let [(peer, ..)] = lab.connects()[..] else {
            panic!("one connection")
        };
        lab.pool.on_failed(peer, lab.now);
        let due = lab.pool.next_wakeup().unwrap();
        pauses.push(due.since(lab.now).as_secs());
        lab.now = due;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 10, 10, 10, 10]);
}

#[test]
fn a_node_that_was_lost_after_a_handshake_is_tried_again_soon() {
    let mut lab = Lab::new(connect(&["1.2.3.4"]));
    for _ in 0..5 {
        let [(peer, ref target, kind)] = lab.connects()[..] else {
            panic!("one connection")
        };
        lab.succeed(peer, target, kind);
        lab.pool.on_disconnected(peer, lab.now);
        assert_eq!(lab.connects(), []);
        lab.wait(SECOND);
    }
}

#[test]
fn nodes_are_added_and_removed_while_it_runs() {
    let config = PoolConfig {
        add_nodes: vec!["1.2.3.4".to_owned()],
        ..PoolConfig::default()
    };
    let mut lab = Lab::new(config);
    assert!(
        !lab.pool.add_node("1.2.3.4:8333", lab.now),
        "it is there already"
    );
    assert!(lab.pool.add_node("5.6.7.8:1", lab.now));
    let opened = lab.connects();
    assert_eq!(opened.len(), 2);
    let added: Vec<_> = lab.pool.added_nodes().collect();
    assert_eq!(
        added,
        [("1.2.3.4", Some(PeerId(1))), ("5.6.7.8:1", Some(PeerId(2)))]
    );

    assert!(lab.pool.remove_node("1.2.3.4"));
    assert!(!lab.pool.remove_node("1.2.3.4"));
    lab.pool.on_disconnected(PeerId(1), lab.now);
    lab.pool.on_disconnected(PeerId(2), lab.now);
    lab.wait(SECOND * 100);
    let again: Vec<_> = lab.connects().into_iter().map(|c| c.1).collect();
    assert_eq!(again, [Target::Addr("5.6.7.8:1".parse().unwrap())]);
}

#[test]
fn at_most_eight_added_nodes_are_connected_at_a_time() {
    let mut lab = Lab::new(PoolConfig::default());
    for n in 0..20 {
        lab.pool.add_node(&nth(n).to_string(), lab.now);
    }
    let opened = lab.fill();
    assert_eq!(opened.len(), 8);
    lab.pool.on_disconnected(opened[0].0, lab.now);
    assert_eq!(lab.connects().len(), 1, "another one's turn");
}

#[test]
fn a_removed_node_keeps_its_place_among_the_eight_until_its_connection_is_gone() {
    let mut lab = Lab::new(PoolConfig::default());
    for n in 0..9 {
        lab.pool.add_node(&nth(n).to_string(), lab.now);
    }
    let opened = lab.fill();
    assert_eq!(opened.len(), 8);
    assert!(lab.pool.remove_node(&nth(0).to_string()));
    assert_eq!(lab.connects(), [], "the connection stands");
    lab.pool.on_disconnected(opened[0].0, lab.now);
    assert_eq!(lab.connects().len(), 1);
}

#[test]
fn a_node_that_is_connected_already_is_not_connected_twice() {
    let mut lab = Lab::new(connect(&["1.2.3.4:8333"]));
    let addr = "1.2.3.4:8333".parse().unwrap();
    lab.pool.on_connected(PeerId(77), addr, ConnKind::Inbound);
    assert_eq!(lab.connects(), []);
    lab.pool.on_disconnected(PeerId(77), lab.now);
    assert_eq!(lab.connects().len(), 1);
}

#[test]
fn nothing_is_opened_while_the_network_is_off() {
    let mut lab = Lab::knowing(connect(&["1.2.3.4"]), 10);
    lab.pool.set_network_active(false);
    assert_eq!(lab.wants(), []);
    lab.pool.set_network_active(true);
    assert_eq!(lab.connects().len(), 1);
}
