use super::*;
use crate::{Peer, PeerState};

const NOW: Duration = Duration::ZERO;

/// A node at the tip, with a peer.
fn synced() -> Status {
    let mut status = Status {
        phase: Phase::Synced,
        peers: vec![Peer {
            state: PeerState::Idle,
            ..Peer::default()
        }],
        ..Status::default()
    };
    (status.sync.headers, status.sync.tip) = (100, 100);
    status
}

#[test]
fn a_node_at_the_tip_lives_and_is_ready() {
    assert!(health(&synced(), NOW).ok);
    assert_eq!(ready(&synced(), NOW).why, "at height 100");
    // A block that came this moment is no reason to send callers away.
    let mut status = synced();
    status.sync.headers = 102;
    assert!(ready(&status, NOW).ok);
}

#[test]
fn a_node_that_catches_up_lives_and_is_not_ready() {
    let mut status = synced();
    status.phase = Phase::Blocks;
    status.sync.headers = 1_000;
    assert!(health(&status, NOW).ok);
    let answer = ready(&status, NOW);
    assert!(!answer.ok);
    assert_eq!(answer.why, "900 blocks behind");
}

#[test]
fn what_keeps_a_node_from_being_ready_is_said() {
    let with = |change: fn(&mut Status)| {
        let mut status = synced();
        change(&mut status);
        let answer = ready(&status, NOW);
        assert!(!answer.ok);
        answer.why
    };
    assert_eq!(with(|s| s.peers.clear()), "without peers");
    assert_eq!(
        with(|s| s.sync.initial_block_download = true),
        "in initial block download"
    );
    assert_eq!(with(|s| s.phase = Phase::Paused), "paused: ");
    assert_eq!(with(|s| s.phase = Phase::Starting), "starting: ");
}

#[test]
fn a_node_that_does_not_answer_any_more_is_not_healthy() {
    let answer = health(&synced(), Duration::from_secs(31));
    assert!(!answer.ok);
    assert_eq!(answer.why, "the node has not answered for 31 s");
    assert!(!ready(&synced(), Duration::from_secs(31)).ok);
}
