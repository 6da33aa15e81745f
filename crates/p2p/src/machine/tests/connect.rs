use std::sync::Arc;
use std::time::Duration;

use bitcoin::hashes::Hash as _;
use tipward_chain::{BlockMark, Chain};
use tipward_consensus::RejectKind;
use tipward_primitives::{BlockHash, Header, Timestamp};

use super::harness::{
    Net, asked, commands, disconnects, events, genesis, goals, hashes, marks, mine, params, sent,
};
use crate::config::Config;
use crate::event::{Event, Level};
use crate::io::{Action, DisconnectReason};
use crate::wire::{Inventory, Message};
use crate::{ConnKind, NotAsked, PeerId};

/// A peer that has shown these headers.
fn peer_with(net: &mut Net, kind: ConnKind, headers: &[Header]) -> PeerId {
    let peer = net.peer(kind, headers.len());
    net.message(peer, Message::Headers(headers.to_vec()));
    peer
}

/// A machine whose tests say what validation does, an hour after the last of these headers.
fn net_after(headers: &[Header]) -> Net {
    let mut net = Net::new();
    net.connects = false;
    let last = headers.last().map_or(0, |header| header.time);
    net.now = Timestamp::from_secs(u64::from(last) + 3600);
    net
}

fn refusals(actions: &[Action]) -> Vec<(Option<PeerId>, String)> {
    events(actions)
        .into_iter()
        .filter_map(|event| match event {
            Event::BlockRefused { peer, reject, .. } => Some((peer, reject.reason.into_owned())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_block_that_fails_when_it_is_connected_condemns_its_branch_and_its_sender_and_nothing_else() {
    let bad = mine(&genesis(), 4, 0);
    let good = mine(&bad[0], 2, 1);
    let mut net = net_after(&bad);
    let sender = peer_with(&mut net, ConnKind::OutboundFullRelay, &bad);
    net.deliver_all(sender, &bad);
    let honest = peer_with(
        &mut net,
        ConnKind::OutboundFullRelay,
        &[&bad[..1], &good[..]].concat(),
    );
    let last_goal = *goals(&net.take()).last().unwrap();

    net.connected(bad[0].block_hash());
    net.take();
    net.invalid(&bad[1], RejectKind::Consensus);
    let actions = net.take();

    assert_eq!(
        refusals(&actions),
        [(Some(sender), "block-script-verify-flag-failed".to_owned())]
    );
    let gone = disconnects(&actions);
    assert!(matches!(
        &gone[..],
        [(peer, DisconnectReason::Misbehaving(why))]
            if *peer == sender && why.contains("block-script-verify-flag-failed")
    ));
    assert_eq!(marks(&actions), [(bad[1].block_hash(), BlockMark::Invalid)]);
    assert!(actions.iter().any(|a| matches!(a, Action::Publish)));
    // What is stored of the good branch is the goal now, and the rest of it is fetched.
    assert_eq!(goals(&actions), [last_goal + 1]);
    let chain = net.machine.chain();
    assert_eq!(chain.hash(chain.candidate()), bad[0].block_hash());
    assert_eq!(chain.hash(chain.best_header()), good[1].block_hash());
    assert_eq!(asked(&actions, honest), hashes(&good));
    net.settled(last_goal + 1);
    net.deliver_all(honest, &good);
    net.connected(good[1].block_hash());
    assert_eq!(net.tip(), good[1].block_hash());
    assert!(disconnects(&net.take()).is_empty());
}

#[test]
fn a_peer_that_the_user_named_stays_though_its_block_was_invalid() {
    let chain = mine(&genesis(), 2, 0);
    let mut net = net_after(&chain);
    let peer = peer_with(&mut net, ConnKind::Manual, &chain);
    net.deliver_all(peer, &chain);
    net.take();
    net.invalid(&chain[0], RejectKind::Consensus);
    let actions = net.take();
    assert!(disconnects(&actions).is_empty());
    assert!(
        events(&actions)
            .iter()
            .any(|event| matches!(event, Event::NotPunished { .. }))
    );
    assert!(
        net.machine
            .chain()
            .is_invalid(net.machine.chain().find(&chain[1].block_hash()).unwrap())
    );
}

#[test]
fn who_sent_a_good_block_is_not_blamed_for_it_later() {
    let chain = mine(&genesis(), 1, 0);
    let mut net = net_after(&chain);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &chain);
    net.deliver_all(peer, &chain);
    net.connected(chain[0].block_hash());
    net.take();
    net.invalid(&chain[0], RejectKind::Consensus);
    let actions = net.take();
    assert_eq!(refusals(&actions)[0].0, None);
    assert!(disconnects(&actions).is_empty());
}

#[test]
fn a_stored_body_that_is_not_the_headers_any_more_is_our_own_fault() {
    let chain = mine(&genesis(), 1, 0);
    let mut net = net_after(&chain);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &chain);
    net.deliver_all(peer, &chain);
    net.take();
    net.invalid(&chain[0], RejectKind::Mutated);
    let actions = net.take();
    assert!(disconnects(&actions).is_empty() && marks(&actions).is_empty());
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Halt(why) if why.contains("--reindex")))
    );
    let chain_now = net.machine.chain();
    assert!(!chain_now.is_invalid(chain_now.best_header()));
}

#[test]
fn a_pong_waits_until_the_goal_that_the_block_before_it_made_is_settled() {
    let chain = mine(&genesis(), 2, 0);
    let mut net = net_after(&chain);
    let peer = peer_with(&mut net, ConnKind::Inbound, &chain);
    let other = net.peer(ConnKind::Inbound, 0);
    net.deliver_all(peer, &chain[..1]);
    let goal = *goals(&net.take()).last().unwrap();
    net.message(peer, Message::Ping(7));
    net.message(other, Message::Ping(8));
    let actions = net.take();
    assert!(sent(&actions, peer).is_empty());
    assert_eq!(sent(&actions, other), [Message::Pong(8)]);
    net.connected(chain[0].block_hash());
    assert!(!net.machine.is_settled());
    assert!(!commands(&net.take(), peer).contains(&"pong"));
    net.settled(goal);
    assert!(net.machine.is_settled());
    assert!(commands(&net.take(), peer).contains(&"pong"));
}

#[test]
fn a_pong_after_an_invalid_block_waits_for_what_is_connected_in_its_stead() {
    let chain = mine(&genesis(), 1, 0);
    let mut net = net_after(&chain);
    let peer = peer_with(&mut net, ConnKind::Manual, &chain);
    net.deliver_all(peer, &chain);
    let goal = *goals(&net.take()).last().unwrap();
    net.message(peer, Message::Ping(7));
    net.invalid(&chain[0], RejectKind::Consensus);
    let next = *goals(&net.take()).last().unwrap();
    assert!(next > goal);
    net.settled(goal);
    assert!(sent(&net.take(), peer).is_empty());
    net.settled(next);
    assert_eq!(sent(&net.take(), peer), [Message::Pong(7)]);
}

#[test]
fn a_block_that_moves_no_candidate_holds_up_no_pong() {
    let trunk = mine(&genesis(), 2, 0);
    let branch = mine(&trunk[0], 1, 1);
    let mut net = net_after(&trunk);
    let peer = peer_with(&mut net, ConnKind::Inbound, &trunk);
    net.deliver_all(peer, &trunk);
    net.connected(trunk[1].block_hash());
    net.settled(net.machine.goal());
    net.take();
    net.message(peer, Message::Headers(branch.clone()));
    net.deliver_all(peer, &branch);
    assert!(goals(&net.take()).is_empty());
    net.message(peer, Message::Ping(7));
    assert_eq!(sent(&net.take(), peer), [Message::Pong(7)]);
}

#[test]
fn far_behind_nobody_waits_for_what_is_connected() {
    let chain = mine(&genesis(), 200, 0);
    let mut net = net_after(&chain);
    net.now = net.now + Duration::from_secs(10 * 24 * 3600);
    let peer = peer_with(&mut net, ConnKind::OutboundFullRelay, &chain);
    net.deliver_all(peer, &chain[..100]);
    net.take();
    // As long as little is to be connected, its end can be waited for.
    net.message(peer, Message::Ping(7));
    assert!(!commands(&net.take(), peer).contains(&"pong"));
    net.settled(net.machine.goal());
    net.take();
    for (i, header) in chain[100..].iter().enumerate() {
        net.deliver_all(peer, std::slice::from_ref(header));
        if i == 50 {
            net.settled(net.machine.goal());
        }
    }
    net.take();
    net.message(peer, Message::Ping(9));
    assert!(sent(&net.take(), peer).contains(&Message::Pong(9)));
}

#[test]
fn a_block_is_announced_and_served_when_it_is_validated_and_not_when_it_is_stored() {
    let chain = mine(&genesis(), 3, 0);
    let mut net = net_after(&chain);
    let source = peer_with(&mut net, ConnKind::Manual, &chain[..2]);
    net.deliver_all(source, &chain[..2]);
    net.connected(chain[1].block_hash());
    net.settled(net.machine.goal());
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    net.message(source, Message::Headers(chain[2..].to_vec()));
    net.deliver_all(source, &chain[2..]);
    let hash = chain[2].block_hash();
    let wanted = Message::GetData(vec![Inventory::WitnessBlock(hash)]);
    net.message(peer, wanted.clone());
    let actions = net.take();
    assert_eq!(commands(&actions, peer), ["notfound"]);
    assert!(
        !actions
            .iter()
            .any(|a| matches!(a, Action::ReadBlock { .. }))
    );

    net.connected(hash);
    net.message(peer, wanted);
    let actions = net.take();
    assert!(sent(&actions, peer).contains(&Message::Inv(vec![Inventory::Block(hash)])));
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::ReadBlock { hash: read, .. } if *read == hash))
    );
}

#[test]
fn a_branch_that_was_active_is_served_for_a_while_and_an_invalid_one_is_not() {
    let trunk = mine(&genesis(), 3, 0);
    let branch = mine(&trunk[0], 3, 1);
    let mut net = net_after(&branch);
    net.connects = true;
    let source = peer_with(&mut net, ConnKind::Manual, &trunk);
    net.deliver_all(source, &trunk);
    net.message(source, Message::Headers(branch.clone()));
    net.deliver_all(source, &branch);
    assert_eq!(net.tip(), branch[2].block_hash());
    let serves = |net: &mut Net, header: &Header| {
        let peer = net.peer(ConnKind::Inbound, 0);
        net.take();
        let item = Inventory::WitnessBlock(header.block_hash());
        net.message(peer, Message::GetData(vec![item]));
        !commands(&net.take(), peer).contains(&"notfound")
    };
    assert!(serves(&mut net, &trunk[2]));
    net.machine
        .invalidate_block(net.now, &trunk[2].block_hash());
    assert!(!serves(&mut net, &trunk[2]));
    assert!(serves(&mut net, &trunk[1]));
    // More than a month of work later.
    let later = mine(&branch[2], 4500, 2);
    net.wait(Duration::from_secs(5000 * 600));
    let source = net.peer(ConnKind::Manual, 4506);
    net.message(source, Message::Headers(later[..2000].to_vec()));
    net.message(source, Message::Headers(later[2000..4000].to_vec()));
    net.message(source, Message::Headers(later[4000..].to_vec()));
    assert!(!serves(&mut net, &trunk[1]));
    assert!(serves(&mut net, &branch[0]));
}

#[test]
fn we_catch_up_until_the_validated_tip_is_recent() {
    let chain = mine(&genesis(), 3, 0);
    let mut net = net_after(&chain);
    net.now = net.now + Duration::from_secs(23 * 3600);
    let peer = peer_with(&mut net, ConnKind::Manual, &chain);
    net.deliver_all(peer, &chain);
    let catching_up = |net: &Net| net.machine.chain().is_initial_block_download(net.now);
    assert!(catching_up(&net));
    net.connected(chain[1].block_hash());
    assert!(catching_up(&net));
    net.connected(chain[2].block_hash());
    assert!(!catching_up(&net));
}

#[test]
fn the_user_invalidates_reconsiders_and_prefers_blocks() {
    let trunk = mine(&genesis(), 3, 0);
    let branch = mine(&trunk[0], 2, 1);
    let mut net = net_after(&branch);
    net.connects = true;
    let peer = peer_with(&mut net, ConnKind::Manual, &trunk);
    net.deliver_all(peer, &trunk);
    net.message(peer, Message::Headers(branch.clone()));
    net.deliver_all(peer, &branch);
    assert_eq!(net.tip(), trunk[2].block_hash());
    net.take();
    let now = net.now;
    let (second, third) = (trunk[1].block_hash(), trunk[2].block_hash());

    let goal = net.machine.invalidate_block(now, &second).unwrap();
    net.input(crate::Input::Tick);
    assert_eq!(goal, net.machine.goal());
    assert_eq!(net.tip(), branch[1].block_hash());
    assert_eq!(marks(&net.take()), [(second, BlockMark::Invalid)]);
    // Once more changes nothing.
    assert_eq!(net.machine.invalidate_block(now, &second), Some(goal));
    net.input(crate::Input::Tick);
    assert!(marks(&net.take()).is_empty());

    net.machine.reconsider_block(now, &third).unwrap();
    net.input(crate::Input::Tick);
    assert_eq!(net.tip(), third);
    assert_eq!(marks(&net.take()), [(second, BlockMark::Reconsidered)]);

    let preferred = branch[1].block_hash();
    net.machine.precious_block(now, &preferred).unwrap();
    net.input(crate::Input::Tick);
    assert_eq!(net.tip(), preferred);
    let actions = net.take();
    assert!(marks(&actions).is_empty());

    let unknown = BlockHash::from_byte_array([9; 32]);
    assert_eq!(net.machine.invalidate_block(now, &unknown), None);
    assert_eq!(net.machine.reconsider_block(now, &unknown), None);
    assert_eq!(net.machine.precious_block(now, &unknown), None);
}

#[test]
fn a_peer_is_asked_for_a_block_that_the_user_wants_or_it_is_said_why_not() {
    let trunk = mine(&genesis(), 3, 0);
    let old = mine(&genesis(), 1, 1);
    let mut net = net_after(&trunk);
    net.connects = true;
    let peer = peer_with(&mut net, ConnKind::Manual, &trunk);
    net.deliver_all(peer, &trunk);
    net.message(peer, Message::Headers(old.clone()));
    let raw = net.connect(ConnKind::Inbound);
    net.take();
    let now = net.now;
    let hash = old[0].block_hash();
    let mut fetch = |hash: &BlockHash, peer| net.machine.get_block_from_peer(now, hash, peer);

    let unknown = BlockHash::from_byte_array([9; 32]);
    assert_eq!(fetch(&unknown, peer), Err(NotAsked::UnknownHeader));
    let stored = trunk[0].block_hash();
    assert_eq!(fetch(&stored, peer), Err(NotAsked::Downloaded));
    assert_eq!(fetch(&hash, PeerId(99)), Err(NotAsked::NoSuchPeer));
    assert_eq!(fetch(&hash, raw), Err(NotAsked::NoWitnesses));
    assert_eq!(fetch(&hash, peer), Ok(()));
    assert_eq!(fetch(&hash, peer), Err(NotAsked::AskedBefore));

    net.input(crate::Input::Tick);
    assert_eq!(asked(&net.take(), peer), [hash]);
    net.deliver_all(peer, &old);
    let chain = net.machine.chain();
    assert!(chain.is_stored(chain.find(&hash).unwrap()));
    assert_eq!(net.tip(), trunk[2].block_hash());
}

#[test]
fn a_block_that_the_user_wants_from_one_peer_is_not_waited_for_from_another() {
    let chain = mine(&genesis(), 1, 0);
    let mut net = net_after(&chain);
    let one = peer_with(&mut net, ConnKind::Manual, &chain);
    let two = peer_with(&mut net, ConnKind::Manual, &[]);
    assert_eq!(asked(&net.take(), one), hashes(&chain));
    let hash = chain[0].block_hash();
    assert_eq!(net.machine.get_block_from_peer(net.now, &hash, two), Ok(()));
    net.input(crate::Input::Tick);
    assert_eq!(asked(&net.take(), two), [hash]);
    net.deliver_all(two, &chain);
    // Whoever was asked before may bring it all the same.
    assert!(net.deliver(one, &chain[0]).is_none());
    assert!(disconnects(&net.take()).is_empty());
}

#[test]
fn blocks_that_an_earlier_run_stored_and_did_not_connect_are_the_first_goal() {
    let headers = mine(&genesis(), 3, 0);
    let mut chain = Chain::new(Arc::new(params()));
    for header in &headers {
        chain.insert_stored(header);
        chain.mark_stored(&header.block_hash(), 1);
    }
    chain.restore_tip(&headers[0].block_hash());
    let mut net = Net::on(chain, Config::default());
    assert_eq!(goals(&net.take()), [1]);
    assert_eq!(net.tip(), headers[2].block_hash());
    assert!(net.machine.is_settled());
}

#[test]
fn while_we_catch_up_people_are_told_of_few_blocks_and_then_of_every_one() {
    let chain = mine(&genesis(), 60, 0);
    for (behind, told_of_all) in [
        (Duration::from_secs(10 * 24 * 3600), false),
        (Duration::ZERO, true),
    ] {
        let mut net = net_after(&chain);
        net.connects = true;
        net.now = net.now + behind;
        let source = net.peer(ConnKind::Manual, 60);
        net.message(source, Message::Headers(chain.clone()));
        net.deliver_all(source, &chain[..1]);
        net.take();
        net.deliver_all(source, &chain[1..]);
        let told: Vec<Event> = events(&net.take())
            .into_iter()
            .filter(|event| event.level() == Level::Info)
            .collect();
        let tips = told
            .iter()
            .filter(|event| matches!(event, Event::NewTip { .. }))
            .count();
        let received = told
            .iter()
            .filter(|event| matches!(event, Event::BlockReceived { .. }))
            .count();
        if told_of_all {
            // The first few come before the tip is recent.
            assert!(tips > 50 && received > 50, "{tips} {received}");
        } else {
            // All in one moment: only the last one is worth a line.
            assert_eq!((tips, received), (1, 0));
        }
    }
}
