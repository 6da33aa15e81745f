use std::time::Duration;

use super::harness::{Net, commands, disconnects, events, genesis, mine, params, sent};
use crate::config::Config;
use crate::event::Event;
use crate::io::{Action, DisconnectReason, Input};
use crate::wire::{Inventory, MAX_HEADERS, Message};
use crate::{ConnKind, PeerId};

fn best_height(net: &Net) -> u32 {
    let chain = net.machine.chain();
    chain.height(chain.best_header())
}

fn started(net: &mut Net) -> Vec<PeerId> {
    events(&net.take())
        .into_iter()
        .filter_map(|e| match e {
            Event::HeaderSyncStarted { peer, .. } => Some(peer),
            _ => None,
        })
        .collect()
}

#[test]
fn headers_come_from_one_peer_message_by_message() {
    let mut net = Net::new();
    let headers = mine(&genesis(), MAX_HEADERS + 10, 0);
    let one = net.peer(ConnKind::OutboundFullRelay, headers.len());
    let two = net.peer(ConnKind::OutboundFullRelay, headers.len());
    let actions = net.take();
    assert!(commands(&actions, one).contains(&"getheaders"));
    assert!(!commands(&actions, two).contains(&"getheaders"));

    net.message(one, Message::Headers(headers[..MAX_HEADERS].to_vec()));
    let actions = net.take();
    assert!(commands(&actions, one).contains(&"getheaders"));
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::PersistHeaders(h) if h.len() == MAX_HEADERS))
    );

    net.message(one, Message::Headers(headers[MAX_HEADERS..].to_vec()));
    assert_eq!(best_height(&net), 2010);
}

#[test]
fn a_second_synchronization_is_put_aside_and_skipped_if_its_news_is_known_by_then() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 5, 0);
    let one = net.peer(ConnKind::OutboundFullRelay, 5);
    let two = net.peer(ConnKind::OutboundFullRelay, 5);
    net.message(one, Message::Headers(headers));
    let told = events(&net.take());
    assert!(
        told.iter()
            .any(|e| matches!(e, Event::HeaderSyncPutAside { peer, .. } if *peer == two))
    );
    assert!(
        told.iter()
            .any(|e| matches!(e, Event::HeaderSyncSkipped { peer, .. } if *peer == two))
    );
}

#[test]
fn a_second_synchronization_is_taken_up_if_its_news_is_not_known() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 5, 0);
    let one = net.peer(ConnKind::OutboundFullRelay, 3);
    let two = net.peer(ConnKind::OutboundFullRelay, 5);
    assert_eq!(started(&mut net), [one]);
    net.message(one, Message::Headers(headers[..3].to_vec()));
    assert_eq!(started(&mut net), [two]);
    net.message(two, Message::Headers(headers));
    assert_eq!(best_height(&net), 5);
}

#[test]
fn a_synchronization_that_was_put_aside_is_skipped_if_its_peer_is_gone() {
    let mut net = Net::new();
    let one = net.peer(ConnKind::OutboundFullRelay, 3);
    let two = net.peer(ConnKind::OutboundFullRelay, 5);
    let three = net.peer(ConnKind::OutboundFullRelay, 4);
    net.input(Input::Disconnected {
        peer: two,
        error: None,
    });
    net.take();
    net.message(one, Message::Headers(mine(&genesis(), 3, 0)));
    assert_eq!(started(&mut net), [three]);
}

#[test]
fn a_silent_peer_loses_its_turn_and_a_lost_one_at_once() {
    let mut net = Net::new();
    net.peer(ConnKind::OutboundFullRelay, 5);
    let two = net.peer(ConnKind::OutboundFullRelay, 5);
    net.take();
    net.run_for(Duration::from_secs(6));
    assert_eq!(started(&mut net), [two]);
    let three = net.peer(ConnKind::OutboundFullRelay, 5);
    net.take();
    net.input(Input::Disconnected {
        peer: two,
        error: None,
    });
    // The first one, which lost its turn, comes before the third.
    let now = started(&mut net);
    assert_eq!(now.len(), 1);
    assert_ne!(now[0], three);
}

#[test]
fn headers_that_do_not_follow_each_other_or_lack_work_cost_the_peer_its_place() {
    let mut torn = mine(&genesis(), 5, 0);
    torn.remove(2);
    let mut worthless = mine(&genesis(), 2, 0);
    worthless[1].bits = bitcoin::CompactTarget::from_consensus(0x1d00_ffff);
    for (headers, why) in [
        (torn, "non-continuous headers sequence"),
        (worthless, "header with invalid proof of work"),
    ] {
        for kind in [ConnKind::OutboundFullRelay, ConnKind::Manual] {
            let mut net = Net::new();
            let peer = net.peer(kind, 5);
            net.take();
            net.message(peer, Message::Headers(headers.clone()));
            let actions = net.take();
            if kind == ConnKind::Manual {
                assert!(disconnects(&actions).is_empty());
            } else {
                let reason = DisconnectReason::Misbehaving(why.to_owned());
                assert_eq!(disconnects(&actions), [(peer, reason)]);
            }
            assert_eq!(best_height(&net), 0);
        }
    }
}

#[test]
fn a_header_that_breaks_a_rule_is_refused_with_its_reason() {
    let mut net = Net::new();
    let peer = net.peer(ConnKind::Inbound, 5);
    net.take();
    let mut early = mine(&genesis(), 1, 0);
    early[0].time = genesis().time - 1;
    while early[0].validate_pow(early[0].target()).is_err() {
        early[0].nonce += 1;
    }
    net.message(peer, Message::Headers(early));
    let actions = net.take();
    let reason = events(&actions).into_iter().find_map(|e| match e {
        Event::HeaderRefused { reject, .. } => Some(reject.reason),
        _ => None,
    });
    assert_eq!(reason.as_deref(), Some("time-too-old"));
    assert_eq!(disconnects(&actions).len(), 1);
}

#[test]
fn headers_that_do_not_connect_make_us_ask_for_the_gap() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 5, 0);
    let peer = net.peer(ConnKind::OutboundFullRelay, 0);
    net.message(peer, Message::Headers(Vec::new()));
    net.take();
    net.message(peer, Message::Headers(headers[4..].to_vec()));
    assert_eq!(commands(&net.take(), peer), ["getheaders"]);
    net.message(peer, Message::Headers(headers));
    assert_eq!(best_height(&net), 5);
}

#[test]
fn an_announced_block_that_we_do_not_know_is_asked_for() {
    let mut net = Net::new();
    let headers = mine(&genesis(), 1, 0);
    let peer = net.peer(ConnKind::Inbound, 0);
    net.message(peer, Message::Headers(Vec::new()));
    net.take();
    let hash = headers[0].block_hash();
    net.message(peer, Message::Inv(vec![Inventory::Block(hash)]));
    assert_eq!(commands(&net.take(), peer), ["getheaders"]);
    net.message(peer, Message::Headers(headers));
    // The block itself is asked for within the same step.
    assert!(commands(&net.take(), peer).contains(&"getdata"));
}

#[test]
fn a_short_chain_with_too_little_work_is_not_kept() {
    let headers = mine(&genesis(), 20, 0);
    let mut demanding = params();
    demanding.minimum_chain_work = headers
        .iter()
        .map(|h| h.work())
        .fold(genesis().work(), |sum, work| sum + work);
    let mut net = Net::with(demanding, Config::default());
    let peer = net.peer(ConnKind::Inbound, 10);
    net.message(peer, Message::Headers(headers[..10].to_vec()));
    assert_eq!(best_height(&net), 0);
    net.message(peer, Message::Headers(headers));
    assert_eq!(best_height(&net), 20);
}

#[test]
fn a_long_chain_proves_its_work_before_it_is_kept() {
    let headers = mine(&genesis(), 2500, 0);
    let mut demanding = params();
    demanding.minimum_chain_work = headers[..2400]
        .iter()
        .map(|h| h.work())
        .fold(genesis().work(), |sum, work| sum + work);
    let mut net = Net::with(demanding, Config::default());
    let peer = net.peer(ConnKind::OutboundFullRelay, 2500);
    net.take();
    for _ in 0..2 {
        assert_eq!(best_height(&net), 0);
        net.message(peer, Message::Headers(headers[..2000].to_vec()));
        let asked = sent(&net.take(), peer);
        assert!(asked.iter().any(|m| matches!(m, Message::GetHeaders(_))));
        net.message(peer, Message::Headers(headers[2000..].to_vec()));
        net.take();
    }
    assert_eq!(best_height(&net), 2500);
}

/// An answer that ends where it was told to end is short, but not because the peer has no more.
#[test]
fn a_peer_that_answers_a_probe_while_headers_still_come_keeps_its_place() {
    let headers = mine(&genesis(), 9_300, 0);
    let mut demanding = params();
    demanding.minimum_chain_work = headers
        .iter()
        .map(|h| h.work())
        .fold(genesis().work(), |sum, work| sum + work);
    let mut net = Net::with(demanding, Config::default());
    let one = net.peer(ConnKind::OutboundFullRelay, headers.len());
    let two = net.peer(ConnKind::OutboundFullRelay, headers.len());
    net.take();
    let mut messages = headers.chunks(MAX_HEADERS).cycle().take(10);
    while best_height(&net) == 0 {
        let message = messages.next().expect("the second time some are kept");
        net.message(one, Message::Headers(message.to_vec()));
    }
    let height = best_height(&net) as usize;
    assert!(height < headers.len(), "all came at once");
    net.run_for(Duration::from_secs(2));
    let stop = headers[height - 1].block_hash();
    let probed = sent(&net.take(), two);
    assert!(
        probed
            .iter()
            .any(|m| matches!(m, Message::GetHeaders(locator) if locator.stop == stop))
    );

    net.message(two, Message::Headers(vec![headers[height - 1]]));
    assert_eq!(disconnects(&net.take()), []);
}

#[test]
fn a_peer_that_sends_the_same_headers_for_ever_loses_its_turn() {
    let mut net = Net::new();
    let headers = mine(&genesis(), MAX_HEADERS, 0);
    let peer = net.peer(ConnKind::OutboundFullRelay, 9000);
    let ended = |net: &mut Net| {
        events(&net.take())
            .iter()
            .any(|e| matches!(e, Event::HeaderSyncEnded { .. }))
    };
    for _ in 0..10 {
        net.message(peer, Message::Headers(headers.clone()));
        if ended(&mut net) {
            return;
        }
    }
    panic!("it goes on for ever");
}
