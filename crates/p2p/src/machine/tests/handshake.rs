use std::time::Duration;

use super::harness::{Net, commands, disconnects, sent, version};
use crate::ConnKind;
use crate::io::{Command, DisconnectReason, Input};
use crate::wire::{Message, ServiceFlags};

#[test]
fn we_greet_whom_we_connect_to_and_agree_on_features_before_verack() {
    let mut net = Net::new();
    let peer = net.connect(ConnKind::OutboundFullRelay);
    assert_eq!(commands(&net.take(), peer), ["version"]);
    net.message(peer, Message::Version(version(0)));
    assert_eq!(
        commands(&net.take(), peer),
        ["wtxidrelay", "sendaddrv2", "verack"]
    );
    net.message(peer, Message::Verack);
    let then = commands(&net.take(), peer);
    assert_eq!(then[..2], ["sendheaders", "ping"]);
}

#[test]
fn an_inbound_peer_has_to_speak_first() {
    let mut net = Net::new();
    let peer = net.connect(ConnKind::Inbound);
    assert!(commands(&net.take(), peer).is_empty());
    net.message(peer, Message::Version(version(0)));
    assert_eq!(
        commands(&net.take(), peer),
        ["version", "wtxidrelay", "sendaddrv2", "verack"]
    );
}

#[test]
fn no_transactions_are_asked_for_on_block_relay_only_connections() {
    let mut net = Net::new();
    let peer = net.connect(ConnKind::BlockRelayOnly);
    match &sent(&net.take(), peer)[..] {
        [Message::Version(ours)] => {
            assert!(!ours.relay);
            assert_eq!(ours.protocol, 70_016);
            assert!(
                ours.services
                    .has(ServiceFlags::NETWORK | ServiceFlags::WITNESS)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_to_ourselves_is_noticed() {
    let mut net = Net::new();
    let out = net.connect(ConnKind::OutboundFullRelay);
    let Some(Message::Version(ours)) = sent(&net.take(), out).pop() else {
        panic!("no version sent");
    };
    let inbound = net.connect(ConnKind::Inbound);
    net.message(inbound, Message::Version(ours));
    assert_eq!(
        disconnects(&net.take()),
        [(inbound, DisconnectReason::SelfConnection)]
    );
}

#[test]
fn an_obsolete_version_is_refused() {
    let mut net = Net::new();
    let peer = net.connect(ConnKind::Inbound);
    let mut old = version(0);
    old.protocol = 31_799;
    net.message(peer, Message::Version(old));
    assert_eq!(
        disconnects(&net.take()),
        [(peer, DisconnectReason::ObsoleteVersion(31_799))]
    );
}

#[test]
fn an_outbound_peer_without_blocks_is_refused_but_not_one_that_the_user_named() {
    for (kind, refused) in [
        (ConnKind::OutboundFullRelay, true),
        (ConnKind::BlockRelayOnly, true),
        (ConnKind::Manual, false),
        (ConnKind::Inbound, false),
    ] {
        let mut net = Net::new();
        let peer = net.connect(kind);
        let mut poor = version(0);
        poor.services = ServiceFlags::WITNESS;
        net.message(peer, Message::Version(poor));
        let reasons = disconnects(&net.take());
        assert_eq!(
            reasons == [(peer, DisconnectReason::Services)],
            refused,
            "{kind:?}"
        );
    }
}

#[test]
fn saying_hello_twice_is_odd_and_agreeing_on_features_late_is_an_offence() {
    let mut net = Net::new();
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    net.message(peer, Message::Version(version(9)));
    net.message(peer, Message::Verack);
    let actions = net.take();
    assert!(commands(&actions, peer).is_empty() && disconnects(&actions).is_empty());
    net.message(peer, Message::SendAddrV2);
    assert!(matches!(
        &disconnects(&net.take())[..],
        [(p, DisconnectReason::Protocol(_))] if *p == peer
    ));
}

#[test]
fn what_comes_before_the_handshake_has_no_effect() {
    let mut net = Net::new();
    let peer = net.connect(ConnKind::Inbound);
    net.message(peer, Message::Verack);
    net.message(peer, Message::Ping(1));
    net.message(peer, Message::Version(version(0)));
    net.take();
    net.message(peer, Message::Ping(2));
    assert!(commands(&net.take(), peer).is_empty());
    net.message(peer, Message::Verack);
    net.message(peer, Message::Ping(3));
    assert!(sent(&net.take(), peer).contains(&Message::Pong(3)));
}

#[test]
fn a_handshake_that_takes_a_minute_is_given_up() {
    let mut net = Net::new();
    let peer = net.connect(ConnKind::Inbound);
    net.run_for(Duration::from_secs(59));
    assert!(disconnects(&net.take()).is_empty());
    net.run_for(Duration::from_secs(2));
    assert_eq!(
        disconnects(&net.take()),
        [(peer, DisconnectReason::Timeout("handshake"))]
    );
}

#[test]
fn pings_measure_the_latency_and_find_the_dead() {
    let mut net = Net::new();
    let peer = net.peer(ConnKind::Inbound, 0);
    let nonce = sent(&net.take(), peer)
        .into_iter()
        .find_map(|m| match m {
            Message::Ping(nonce) => Some(nonce),
            _ => None,
        })
        .expect("a ping follows the handshake");
    net.wait(Duration::from_millis(30));
    net.message(peer, Message::Pong(nonce));
    let snapshot = net.machine.snapshot();
    assert_eq!(snapshot.peers[0].ping_last, Some(Duration::from_millis(30)));
    assert_eq!(snapshot.peers[0].ping_wait, None);

    net.run_for(Duration::from_secs(121));
    assert_eq!(commands(&net.take(), peer), ["ping"]);
    // It lives, but does not answer.
    for _ in 0..19 {
        net.run_for(Duration::from_secs(60));
        net.message(peer, Message::SendHeaders);
        net.input(Input::Sent {
            peer,
            command: "ping",
            size: 32,
            queued: 0,
        });
    }
    assert!(disconnects(&net.take()).is_empty());
    net.run_for(Duration::from_secs(2 * 60));
    assert_eq!(
        disconnects(&net.take()),
        [(peer, DisconnectReason::Timeout("ping"))]
    );
}

#[test]
fn the_user_can_ping_everybody_and_disconnect_anybody() {
    let mut net = Net::new();
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    net.input(Input::Command(Command::PingAll));
    assert_eq!(commands(&net.take(), peer), ["ping"]);
    net.input(Input::Command(Command::Disconnect(peer)));
    assert_eq!(
        disconnects(&net.take()),
        [(peer, DisconnectReason::Requested)]
    );
    // Whatever it still says is of no interest.
    net.message(peer, Message::Ping(1));
    assert!(net.take().is_empty());
    net.input(Input::Disconnected { peer, error: None });
    let left = &net.machine.snapshot().left[0];
    assert_eq!((left.id, left.why.as_str()), (peer, "asked to by the user"));
}

#[test]
fn when_there_is_no_room_somebody_makes_way_or_nobody_comes_in() {
    let config = crate::Config {
        max_inbound: 2,
        ..crate::Config::default()
    };
    let mut net = Net::with(super::harness::params(), config);
    net.peer(ConnKind::Inbound, 0);
    net.peer(ConnKind::Inbound, 0);
    net.take();
    // Both have their merits with so few about, so the third one has to go.
    let third = net.connect(ConnKind::Inbound);
    assert_eq!(disconnects(&net.take()), [(third, DisconnectReason::Full)]);
}

#[test]
fn every_timer_survives_a_clock_that_is_moved_back() {
    let mut net = Net::new();
    let peer = net.peer(ConnKind::Inbound, 0);
    net.run_for(Duration::from_secs(1000));
    net.take();
    net.now = net.now - Duration::from_secs(1_000_000);
    net.input(Input::Tick);
    let nonce = 77;
    net.message(peer, Message::Ping(nonce));
    net.input(Input::Command(Command::PingAll));
    let first = commands(&net.take(), peer);
    assert!(first.contains(&"pong") && first.contains(&"ping"));
    assert!(net.machine.next_wakeup().unwrap() < net.now + Duration::from_secs(3600));
}

#[test]
fn a_ban_ends_the_connections_that_it_covers_and_refuses_new_ones() {
    let mut net = Net::new();
    // Their addresses are 8.1.1.1, 8.2.1.1 and so on.
    let (first, second) = (
        net.peer(ConnKind::Inbound, 0),
        net.peer(ConnKind::OutboundFullRelay, 0),
    );
    net.take();
    let until = net.now + Duration::from_secs(60);
    let subnet = "8.2.0.0/15".parse().unwrap();
    net.input(Input::Command(Command::Ban { subnet, until }));
    assert_eq!(
        disconnects(&net.take()),
        [(second, DisconnectReason::Banned)]
    );
    let third = net.connect(ConnKind::Inbound);
    assert_eq!(
        disconnects(&net.take()),
        [(third, DisconnectReason::Banned)]
    );
    let fourth = net.connect(ConnKind::Inbound);
    assert_eq!(disconnects(&net.take()), []);

    net.input(Input::Command(Command::Unban(subnet)));
    assert_eq!(net.machine.bans().bans(net.now).count(), 0);
    for text in ["8.1.0.0/16", "9.0.0.0/8"] {
        let subnet = text.parse().unwrap();
        net.input(Input::Command(Command::Ban { subnet, until }));
    }
    assert_eq!(
        disconnects(&net.take()),
        [(first, DisconnectReason::Banned)]
    );
    net.input(Input::Command(Command::ClearBans));
    assert_eq!(net.machine.bans().bans(net.now).count(), 0);
    assert_ne!(fourth, third);
}
