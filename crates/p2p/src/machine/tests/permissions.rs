//! What peers get that the user permits more than others. Their addresses are 8.1.1.1, 8.2.1.1 and so on.

use std::time::Duration;

use tipward_primitives::{Header, Timestamp};

use super::harness::{Net, disconnects, events, genesis, mine, params};
use crate::ConnKind;
use crate::config::Config;
use crate::event::Event;
use crate::io::{Action, Command, DisconnectReason, Input};
use crate::wire::{Inventory, Message, ServiceFlags};

fn config(whitelist: &[&str]) -> Config {
    Config {
        whitelist: whitelist.iter().map(|w| w.parse().unwrap()).collect(),
        ..Config::default()
    }
}

/// A machine that has these blocks from 8.1.1.1, a minute after the last of them.
fn net_with(chain: &[Header], config: Config) -> Net {
    let mut net = Net::with(params(), config);
    let last = chain.last().map_or(0, |h| h.time);
    net.now = Timestamp::from_secs(u64::from(last) + 60);
    let sender = net.peer(ConnKind::Manual, chain.len());
    net.message(sender, Message::Headers(chain.to_vec()));
    net.deliver_all(sender, chain);
    net
}

/// Whether 8.2.1.1 gets the lowest of these blocks, or is disconnected, and why.
fn gets_the_first(net: &mut Net, chain: &[Header]) -> Result<(), DisconnectReason> {
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    let hash = chain[0].block_hash();
    net.message(peer, Message::GetData(vec![Inventory::WitnessBlock(hash)]));
    let actions = net.take();
    let read = |action: &Action| matches!(action, Action::ReadBlock { peer: p, .. } if *p == peer);
    match disconnects(&actions).pop() {
        None => {
            assert!(actions.iter().any(read));
            Ok(())
        }
        Some((_, reason)) => {
            assert!(!actions.iter().any(read));
            Err(reason)
        }
    }
}

#[test]
fn who_may_download_gets_old_blocks_though_enough_was_sent_today() {
    // Ten minutes a block: more than a week.
    let chain = mine(&genesis(), 1100, 0);
    let refused = Err(DisconnectReason::UploadTarget);
    for (whitelist, expected) in [
        (&["download@8.2.1.1"][..], Ok(())),
        (&["noban@8.2.0.0/16"], Ok(())),
        (&["8.2.1.1"], Ok(())),
        (
            &["download@8.3.1.1", "out,download@8.2.1.1"],
            refused.clone(),
        ),
        (&[], refused),
    ] {
        let config = Config {
            upload_target: 1,
            ..config(whitelist)
        };
        let mut net = net_with(&chain, config);
        assert_eq!(gets_the_first(&mut net, &chain), expected, "{whitelist:?}");
    }
}

#[test]
fn noban_may_ask_a_node_that_deletes_old_blocks_for_any() {
    let chain = mine(&genesis(), 300, 0);
    let refused = Err(DisconnectReason::BeyondLimit);
    for (permission, expected) in [("noban", Ok(())), ("download", refused)] {
        let config = Config {
            services: ServiceFlags::NETWORK_LIMITED | ServiceFlags::WITNESS,
            ..config(&[&format!("{permission}@8.2.1.1")])
        };
        let mut net = net_with(&chain, config);
        assert_eq!(gets_the_first(&mut net, &chain), expected, "{permission}");
    }
}

#[test]
fn noban_is_not_punished_for_what_it_sends() {
    let chain = mine(&genesis(), 3, 0);
    let with_a_gap = vec![chain[0], chain[2]];
    for (permission, spared) in [("noban", true), ("download", false)] {
        let mut net = Net::with(params(), config(&[&format!("{permission}@8.1.1.1")]));
        let peer = net.peer(ConnKind::Inbound, 3);
        net.take();
        net.message(peer, Message::Headers(with_a_gap.clone()));
        let actions = net.take();
        assert_eq!(disconnects(&actions).is_empty(), spared);
        let told = |event: &Event| matches!(event, Event::NotPunished { .. });
        assert_eq!(events(&actions).iter().any(told), spared);
        let host = "8.1.1.1".parse().unwrap();
        assert_eq!(net.machine.bans().is_discouraged(&host), !spared);
    }
}

#[test]
fn noban_may_come_in_though_its_address_is_banned() {
    let mut net = Net::with(params(), config(&["noban@8.1.1.1", "download@8.2.1.1"]));
    let until = net.now + Duration::from_secs(60);
    let subnet = "8.0.0.0/8".parse().unwrap();
    net.input(Input::Command(Command::Ban { subnet, until }));
    net.connect(ConnKind::Inbound);
    assert_eq!(disconnects(&net.take()), []);
    let second = net.connect(ConnKind::Inbound);
    let banned = [(second, DisconnectReason::Banned)];
    assert_eq!(disconnects(&net.take()), banned);
}

#[test]
fn noban_makes_way_for_nobody() {
    for (permission, stay) in [("noban", true), ("download", false)] {
        let config = Config {
            max_inbound: 40,
            ..config(&[&format!("{permission}@8.0.0.0/8")])
        };
        let mut net = Net::with(params(), config);
        for _ in 0..40 {
            net.peer(ConnKind::Inbound, 0);
        }
        assert_eq!(disconnects(&net.take()), []);
        let newest = net.connect(ConnKind::Inbound);
        match &disconnects(&net.take())[..] {
            [(peer, DisconnectReason::Full)] => assert!(stay && *peer == newest),
            [(peer, DisconnectReason::Evicted)] => assert!(!stay && *peer != newest),
            other => panic!("{other:?}"),
        }
    }
}
