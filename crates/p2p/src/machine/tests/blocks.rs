use std::time::Duration;

use tipward_consensus::RejectKind;
use tipward_primitives::{Header, RawBlock};

use super::harness::{
    Net, asked, block, commands, disconnects, events, genesis, hashes, mine, params, sent,
};
use crate::config::Config;
use crate::event::Event;
use crate::io::{Action, DisconnectReason, Input};
use crate::wire::{Inventory, Message, WireError};
use crate::{ConnKind, PeerId};

/// A peer that has shown these headers.
fn peer_with(net: &mut Net, kind: ConnKind, headers: &[Header]) -> PeerId {
    let peer = net.peer(kind, headers.len());
    net.message(peer, Message::Headers(headers.to_vec()));
    peer
}

#[test]
fn blocks_are_asked_for_in_batches_and_make_the_tip_move_in_order() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 40, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let mut left = headers.as_slice();
    // Nothing is known of the peer's speed at first, so it begins small.
    while !left.is_empty() {
        let now = asked(&net.take(), peer);
        assert!(!now.is_empty() && now.len() <= 40);
        let (these, rest) = left.split_at(now.len());
        assert_eq!(now, hashes(these));
        left = rest;
        net.deliver_all(peer, these);
    }
    assert_eq!(net.tip(), headers[39].block_hash());
    net.take();
    net.run_for(Duration::from_secs(60));
    assert!(asked(&net.take(), peer).is_empty());
}

#[test]
fn every_block_of_the_active_chain_is_told_of_with_height_and_work() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 2, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    net.take();
    // The second one comes first.
    for header in headers.iter().rev() {
        if let Some(job) = net.deliver(peer, header) {
            net.stored(&job);
        }
    }
    net.run_for(Duration::from_secs(5));
    for header in &headers {
        if let Some(job) = net.deliver(peer, header) {
            net.stored(&job);
        }
    }
    let lines: Vec<String> = events(&net.take())
        .iter()
        .filter(|e| matches!(e, Event::NewTip { .. }))
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            format!("New tip = {}, Height = 1, POW = 4", headers[0].block_hash()),
            format!("New tip = {}, Height = 2, POW = 6", headers[1].block_hash()),
        ]
    );
}

#[test]
fn a_pong_waits_until_the_block_before_it_is_judged_and_published() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::Inbound, &headers);
    let job = net.deliver(peer, &headers[0]).unwrap();
    net.take();
    net.message(peer, Message::Ping(7));
    assert!(net.take().is_empty());
    net.stored(&job);
    let actions = net.take();
    let publish = actions.iter().position(|a| matches!(a, Action::Publish));
    let pong = actions.iter().position(|a| {
        matches!(
            a,
            Action::Send {
                message: Message::Pong(7),
                ..
            }
        )
    });
    assert!(publish.unwrap() < pong.unwrap());
}

#[test]
fn another_peer_need_not_wait() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::Inbound, &headers);
    let other = net.peer(ConnKind::Inbound, 0);
    net.deliver(peer, &headers[0]).unwrap();
    net.take();
    net.message(other, Message::Ping(7));
    assert_eq!(sent(&net.take(), other), [Message::Pong(7)]);
}

#[test]
fn what_waits_is_bounded_and_then_the_connection_is_not_read() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::Inbound, &headers);
    let job = net.deliver(peer, &headers[0]).unwrap();
    net.take();
    for nonce in 0..1001 {
        net.message(peer, Message::Ping(nonce));
    }
    let stopped = |a: &Action| matches!(a, Action::SetReading { reading: false, .. });
    assert_eq!(net.take().iter().filter(|a| stopped(a)).count(), 1);
    net.stored(&job);
    let actions = net.take();
    assert_eq!(sent(&actions, peer).len(), 1001);
    assert!(matches!(
        actions.last(),
        Some(Action::SetReading { reading: true, .. })
    ));
}

#[test]
fn a_body_that_is_not_the_headers_is_fetched_elsewhere_and_its_sender_is_gone() {
    for kind in [ConnKind::OutboundFullRelay, ConnKind::Manual] {
        let mut net = Net::new();
        let headers = mine(&genesis(), 1, 0);
        let liar = peer_with(&mut net, kind, &headers);
        let other = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
        let job = net.deliver(liar, &headers[0]).unwrap();
        net.take();
        net.refused(&job, RejectKind::Mutated);
        let actions = net.take();
        assert!(matches!(
            &disconnects(&actions)[..],
            [(p, DisconnectReason::Misbehaving(_))] if *p == liar
        ));
        assert_eq!(asked(&actions, other), hashes(&headers));
        net.deliver_all(other, &headers);
        assert_eq!(net.tip(), headers[0].block_hash());
    }
}

#[test]
fn a_body_that_was_damaged_on_the_way_is_fetched_again_and_blames_nobody() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let job = net.deliver(peer, &headers[0]).unwrap();
    net.take();
    net.refused(&job, RejectKind::Damaged);
    let actions = net.take();
    assert!(disconnects(&actions).is_empty());
    assert_eq!(asked(&actions, peer), hashes(&headers));
    net.deliver_all(peer, &headers);
    assert_eq!(net.tip(), headers[0].block_hash());
}

#[test]
fn an_unasked_block_that_was_damaged_on_the_way_leaves_nothing_behind() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 2, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers[..1]);
    net.deliver_all(peer, &headers[..1]);
    net.take();
    let unasked = super::harness::block(&headers[1]);
    let damaged = RawBlock::received(unasked.bytes().clone(), [0; 4]).unwrap();
    net.message(peer, Message::Block(damaged));
    let actions = net.take();
    assert!(disconnects(&actions).is_empty());
    assert!(
        !actions
            .iter()
            .any(|a| matches!(a, Action::CheckBlock { .. } | Action::PersistHeaders(_)))
    );
}

#[test]
fn an_invalid_block_condemns_its_header_and_the_next_best_chain_is_taken() {
    let mut net = Net::new();
    let bad = mine(&genesis(), 3, 0);
    let good = mine(&genesis(), 2, 1);
    let liar = peer_with(&mut net, ConnKind::OutboundFullRelay, &bad);
    let honest = peer_with(&mut net, ConnKind::OutboundFullRelay, &good);
    net.take();
    let job = net.deliver(liar, &bad[0]).unwrap();
    net.refused(&job, RejectKind::Consensus);
    assert_eq!(disconnects(&net.take()).len(), 1);
    net.deliver_all(honest, &good);
    assert_eq!(net.tip(), good[1].block_hash());
    // It is not asked for again.
    let another = net.peer(ConnKind::OutboundFullRelay, 3);
    net.take();
    net.message(another, Message::Headers(bad));
    assert!(asked(&net.take(), another).is_empty());
}

#[test]
fn a_full_disk_pauses_the_download_and_blames_nobody() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let job = net.deliver(peer, &headers[0]).unwrap();
    net.take();
    net.failed(&job, true);
    let actions = net.take();
    assert!(disconnects(&actions).is_empty() && asked(&actions, peer).is_empty());
    net.run_for(Duration::from_secs(6));
    let actions = net.take();
    assert!(disconnects(&actions).is_empty());
    assert_eq!(asked(&actions, peer)[0], headers[0].block_hash());
}

#[test]
fn a_failure_that_will_not_pass_stops_the_node() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let job = net.deliver(peer, &headers[0]).unwrap();
    net.take();
    net.failed(&job, false);
    assert!(net.take().iter().any(|a| matches!(a, Action::Halt(_))));
}

#[test]
fn what_a_lost_peer_owed_is_asked_of_others_at_once_and_what_came_is_kept() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 10, 0);
    let one = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let owed = asked(&net.take(), one);
    let two = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let came = net.deliver(one, &headers[0]).unwrap();
    net.take();
    net.input(Input::Disconnected {
        peer: one,
        error: None,
    });
    let again = asked(&net.take(), two);
    assert!(!again.contains(&headers[0].block_hash()));
    assert!(owed.len() == 1 || !again.is_empty());
    net.stored(&came);
    assert_eq!(net.tip(), headers[0].block_hash());
}

#[test]
fn a_block_that_a_peer_lacks_is_asked_of_another() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let one = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    let two = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    net.take();
    let hash = headers[0].block_hash();
    net.message(one, Message::NotFound(vec![Inventory::WitnessBlock(hash)]));
    let actions = net.take();
    assert_eq!(asked(&actions, two), [hash]);
    assert!(asked(&actions, one).is_empty());
}

#[test]
fn a_damaged_block_message_costs_only_itself() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
    net.take();
    net.input(Input::Malformed {
        peer,
        error: WireError::Malformed {
            command: "block",
            size: 300,
            error: crate::wire::DecodeError::EndOfData,
        },
    });
    let actions = net.take();
    assert!(disconnects(&actions).is_empty());
    assert_eq!(asked(&actions, peer), hashes(&headers));
}

#[test]
fn what_a_silent_peer_owes_comes_from_another_and_it_is_dropped_unless_the_user_named_it() {
    for kind in [ConnKind::OutboundFullRelay, ConnKind::Manual] {
        let mut net = Net::new();
        let headers = mine(&genesis(), 200, 0);
        let silent = peer_with(&mut net, kind, &headers);
        let owed = asked(&net.take(), silent);
        assert!(!owed.is_empty());
        let other = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
        let mut by_other = Vec::new();
        let mut dropped = Vec::new();
        for _ in 0..100 {
            let actions = net.take();
            dropped.extend(disconnects(&actions));
            let now = asked(&actions, other);
            by_other.extend(now.iter().copied());
            for hash in now {
                let header = headers.iter().find(|h| h.block_hash() == hash).unwrap();
                if let Some(job) = net.deliver(other, header) {
                    net.stored(&job);
                }
            }
            net.run_for(Duration::from_millis(100));
        }
        assert!(owed.iter().all(|hash| by_other.contains(hash)));
        assert_eq!(net.tip(), headers[199].block_hash());
        let stalling = |(p, why): &(PeerId, DisconnectReason)| {
            *p == silent && matches!(why, DisconnectReason::Stalling(_))
        };
        if kind == ConnKind::Manual {
            assert!(dropped.is_empty(), "{dropped:?}");
        } else {
            assert!(dropped.len() == 1 && stalling(&dropped[0]), "{dropped:?}");
        }
    }
}

#[test]
fn a_block_nobody_asked_for_is_taken_if_it_leads_to_more_work() {
    let mut net = Net::new();
    let chain = mine(&genesis(), 3, 0);
    let peer = peer_with(&mut net, ConnKind::Inbound, &chain[..2]);
    net.deliver_all(peer, &chain[..2]);
    net.take();
    let job = net.deliver(peer, &chain[2]).expect("it extends the tip");
    net.stored(&job);
    assert_eq!(net.tip(), chain[2].block_hash());
    // An old branch is of no use, and the same block twice neither.
    let branch = mine(&genesis(), 1, 1);
    assert!(net.deliver(peer, &branch[0]).is_none());
    assert!(net.deliver(peer, &chain[2]).is_none());
    assert!(disconnects(&net.take()).is_empty());
}

#[test]
fn a_block_without_a_known_parent_is_an_offence() {
    let mut net = Net::new();
    let chain = mine(&genesis(), 3, 0);
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    assert!(net.deliver(peer, &chain[2]).is_none());
    assert_eq!(disconnects(&net.take()).len(), 1);
}

#[test]
fn the_tip_moves_over_to_a_branch_with_more_work() {
    let mut net = Net::new();
    let trunk = mine(&genesis(), 3, 0);
    let old = mine(&trunk[2], 1, 1);
    let new = mine(&trunk[2], 2, 2);
    let peer = peer_with(&mut net, ConnKind::Inbound, &[&trunk[..], &old].concat());
    net.deliver_all(peer, &trunk);
    net.deliver_all(peer, &old);
    assert_eq!(net.tip(), old[0].block_hash());
    net.take();
    // A branch of the same work is fetched, but does not move the tip.
    net.message(peer, Message::Headers(new[..1].to_vec()));
    assert_eq!(asked(&net.take(), peer), hashes(&new[..1]));
    net.deliver_all(peer, &new[..1]);
    assert_eq!(net.tip(), old[0].block_hash());
    net.take();
    net.message(peer, Message::Headers(new[1..].to_vec()));
    assert_eq!(asked(&net.take(), peer), hashes(&new[1..]));
    net.deliver_all(peer, &new[1..]);
    assert_eq!(net.tip(), new[1].block_hash());
    assert!(events(&net.take()).iter().any(|e| matches!(
        e,
        Event::Reorganized {
            fork_height: 3,
            disconnected: 1,
            connected: 2,
            ..
        }
    )));
}

#[test]
fn no_block_is_asked_for_before_the_headers_have_the_minimum_of_work() {
    let headers = mine(&genesis(), 20, 0);
    let mut demanding = params();
    demanding.minimum_chain_work = headers
        .iter()
        .fold(genesis().work(), |sum, h| sum + h.work());
    let mut net = Net::with(demanding, Config::default());
    let peer = net.peer(ConnKind::Manual, 20);
    net.take();
    net.message(peer, Message::Headers(headers[..19].to_vec()));
    assert!(asked(&net.take(), peer).is_empty());
    net.message(peer, Message::Headers(headers));
    assert!(!asked(&net.take(), peer).is_empty());
}

#[test]
fn a_transaction_is_not_wanted() {
    let mut net = Net::new();
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    let id = bitcoin::hashes::Hash::all_zeros();
    net.message(peer, Message::Inv(vec![Inventory::WTx(id)]));
    assert_eq!(disconnects(&net.take()).len(), 1);
}

#[test]
fn the_user_can_hand_in_a_block() {
    let mut net = Net::new();
    let chain = mine(&genesis(), 1, 0);
    let submitted = net.machine.submit_block(net.now, block(&chain[0]));
    let crate::Submitted::Checking(id) = submitted else {
        panic!("{submitted:?}");
    };
    net.input(Input::Tick);
    let job = net
        .take()
        .into_iter()
        .find_map(|a| match a {
            Action::CheckBlock { job, .. } => Some(job),
            _ => None,
        })
        .unwrap();
    assert_eq!(job.id, id);
    net.stored(&job);
    assert_eq!(net.tip(), chain[0].block_hash());
    assert_eq!(
        net.machine.submit_block(net.now, block(&chain[0])),
        crate::Submitted::Duplicate
    );
    let peer = net.peer(ConnKind::Inbound, 0);
    assert!(!commands(&net.take(), peer).contains(&"getdata"));
}

#[test]
fn the_same_inputs_give_the_same_actions() {
    let run = || {
        let mut net = Net::new();
        let headers = mine(&genesis(), 50, 0);
        let one = peer_with(&mut net, ConnKind::OutboundFullRelay, &headers);
        let two = peer_with(&mut net, ConnKind::Inbound, &headers);
        net.deliver_all(one, &headers[..10]);
        net.run_for(Duration::from_secs(300));
        net.deliver_all(two, &headers);
        net.run_for(Duration::from_secs(300));
        format!("{:?}", net.take())
    };
    assert_eq!(run(), run());
}
