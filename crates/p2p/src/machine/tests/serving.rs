use bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Header};

use super::harness::{Net, commands, disconnects, genesis, hashes, mine, params, sent};
use crate::config::Config;
use crate::io::{Action, DisconnectReason, Input};
use crate::wire::{Inventory, Locator, Message, ServiceFlags};
use crate::{ConnKind, PeerId};

/// A machine that has these blocks.
fn net_with(headers: &[Header]) -> Net {
    net_that_offers(headers, Config::default().services)
}

fn net_that_offers(headers: &[Header], services: ServiceFlags) -> Net {
    let config = Config {
        services,
        ..Config::default()
    };
    let mut net = Net::with(params(), config);
    // A tip of a day ago would mean that we still catch up.
    let last = headers.last().map_or(0, |h| h.time);
    net.now = tipward_primitives::Timestamp::from_secs(u64::from(last) + 60);
    let peer = net.peer(ConnKind::Manual, headers.len());
    net.message(peer, Message::Headers(headers.to_vec()));
    net.deliver_all(peer, headers);
    net.take();
    net
}

fn locator(hashes: Vec<BlockHash>) -> Locator {
    Locator {
        protocol: 70_016,
        hashes,
        stop: BlockHash::all_zeros(),
    }
}

fn reads(actions: &[Action], of: PeerId) -> Vec<BlockHash> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::ReadBlock { peer, hash, .. } if *peer == of => Some(*hash),
            _ => None,
        })
        .collect()
}

#[test]
fn headers_after_a_locator_are_served() {
    let chain = mine(&genesis(), 10, 0);
    let mut net = net_with(&chain);
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    let known = vec![chain[3].block_hash(), genesis().block_hash()];
    net.message(peer, Message::GetHeaders(locator(known)));
    assert_eq!(
        sent(&net.take(), peer),
        [Message::Headers(chain[4..].to_vec())]
    );
}

#[test]
fn hashes_after_a_locator_are_served_to_those_who_ask_the_old_way() {
    let chain = mine(&genesis(), 3, 0);
    let mut net = net_with(&chain);
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    net.message(
        peer,
        Message::GetBlocks(locator(vec![genesis().block_hash()])),
    );
    let items = hashes(&chain).into_iter().map(Inventory::Block).collect();
    assert_eq!(sent(&net.take(), peer), [Message::Inv(items)]);
}

#[test]
fn blocks_are_read_one_after_the_other_and_what_we_lack_is_named() {
    let chain = mine(&genesis(), 3, 0);
    let mut net = net_with(&chain);
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    let lacking = Inventory::WitnessBlock(BlockHash::from_byte_array([9; 32]));
    let mut items: Vec<Inventory> = hashes(&chain)
        .into_iter()
        .map(Inventory::WitnessBlock)
        .collect();
    items.push(lacking);
    net.message(peer, Message::GetData(items));
    // A ping after it is answered when all of it was.
    net.message(peer, Message::Ping(1));
    let mut read = Vec::new();
    loop {
        let actions = net.take();
        let now = reads(&actions, peer);
        assert!(now.len() <= 1);
        let Some(hash) = now.first().copied() else {
            assert_eq!(commands(&actions, peer), ["pong"]);
            break;
        };
        if read.is_empty() {
            assert_eq!(sent(&actions, peer), [Message::NotFound(vec![lacking])]);
        }
        read.push(hash);
        net.input(Input::BlockServed {
            peer,
            hash,
            found: true,
        });
    }
    assert_eq!(read, hashes(&chain));
}

#[test]
fn no_block_is_read_for_a_peer_that_does_not_take_what_it_has_asked_for() {
    let chain = mine(&genesis(), 3, 0);
    let mut net = net_with(&chain);
    let (slow, quick) = (
        net.peer(ConnKind::Inbound, 0),
        net.peer(ConnKind::Inbound, 0),
    );
    let queued = |net: &mut Net, queued: usize| {
        net.input(Input::Sent {
            peer: slow,
            command: "block",
            size: 100,
            queued,
        });
    };
    queued(&mut net, 2_000_000);
    net.take();
    let items: Vec<Inventory> = hashes(&chain).into_iter().map(Inventory::Block).collect();
    net.message(slow, Message::GetData(items.clone()));
    net.message(quick, Message::GetData(items));
    let actions = net.take();
    assert!(reads(&actions, slow).is_empty());
    assert_eq!(reads(&actions, quick).len(), 1);
    queued(&mut net, 0);
    assert_eq!(reads(&net.take(), slow), [chain[0].block_hash()]);
}

#[test]
fn a_new_tip_is_announced_by_headers_to_those_who_want_that_and_by_inv_to_others() {
    let chain = mine(&genesis(), 6, 0);
    let mut net = net_with(&chain[..5]);
    let by_headers = net.peer(ConnKind::Inbound, 0);
    net.message(by_headers, Message::SendHeaders);
    net.message(
        by_headers,
        Message::GetHeaders(locator(vec![genesis().block_hash()])),
    );
    let by_inv = net.peer(ConnKind::Inbound, 0);
    let source = net.peer(ConnKind::Inbound, 6);
    net.take();
    net.message(source, Message::Headers(chain[5..].to_vec()));
    net.deliver_all(source, &chain[5..]);
    let actions = net.take();
    assert_eq!(
        sent(&actions, by_headers),
        [Message::Headers(chain[5..].to_vec())]
    );
    let hash = chain[5].block_hash();
    assert_eq!(
        sent(&actions, by_inv),
        [Message::Inv(vec![Inventory::Block(hash)])]
    );
    // Who told us knows.
    assert!(!commands(&actions, source).contains(&"headers"));
    assert!(!commands(&actions, source).contains(&"inv"));
}

#[test]
fn who_asks_a_node_that_has_only_the_last_blocks_for_an_older_one_is_disconnected() {
    let chain = mine(&genesis(), 300, 0);
    let limited = ServiceFlags::NETWORK_LIMITED | ServiceFlags::WITNESS;
    let tip = chain.len();
    for (services, depth, served) in [
        (limited, 290, true),
        (limited, 291, false),
        (limited | ServiceFlags::NETWORK, 291, true),
    ] {
        let mut net = net_that_offers(&chain, services);
        let peer = net.peer(ConnKind::Inbound, 0);
        net.take();
        let hash = chain[tip - 1 - depth].block_hash();
        net.message(peer, Message::GetData(vec![Inventory::WitnessBlock(hash)]));
        let actions = net.take();
        if served {
            assert_eq!(reads(&actions, peer), [hash]);
            assert_eq!(disconnects(&actions), []);
        } else {
            assert_eq!(reads(&actions, peer), []);
            let reason = DisconnectReason::BeyondLimit;
            assert_eq!(disconnects(&actions), [(peer, reason)]);
        }
    }
}

#[test]
fn a_block_that_may_soon_be_gone_is_not_told_of_by_its_hash() {
    let chain = mine(&genesis(), 300, 0);
    let limited = ServiceFlags::NETWORK_LIMITED | ServiceFlags::WITNESS;
    let mut net = net_that_offers(&chain, limited);
    let peer = net.peer(ConnKind::Inbound, 0);
    net.take();
    // The last six blocks that are kept may be gone within the hour.
    for (from, told) in [(17, 0), (18, 282)] {
        let known = chain[from - 1].block_hash();
        net.message(peer, Message::GetBlocks(locator(vec![known])));
        let found = match &sent(&net.take(), peer)[..] {
            [Message::Inv(items)] => items.len(),
            [] => 0,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, told, "after height {from}");
    }
}

#[test]
fn who_asks_for_an_old_block_when_enough_was_sent_is_disconnected() {
    // Ten minutes a block: more than a week.
    let chain = mine(&genesis(), 1100, 0);
    let config = Config {
        upload_target: 1,
        ..Config::default()
    };
    for (at, served) in [(5, false), (1090, true)] {
        let mut net = Net::with(params(), config.clone());
        let last = chain.last().map_or(0, |h| h.time);
        net.now = tipward_primitives::Timestamp::from_secs(u64::from(last) + 60);
        let sender = net.peer(ConnKind::Manual, chain.len());
        net.message(sender, Message::Headers(chain.clone()));
        net.deliver_all(sender, &chain);
        let peer = net.peer(ConnKind::Inbound, 0);
        net.take();
        let hash = chain[at].block_hash();
        net.message(peer, Message::GetData(vec![Inventory::WitnessBlock(hash)]));
        let actions = net.take();
        let gone = disconnects(&actions);
        assert_eq!(reads(&actions, peer).len(), usize::from(served));
        let reason = DisconnectReason::UploadTarget;
        assert_eq!(gone.contains(&(peer, reason)), !served);
    }
}
