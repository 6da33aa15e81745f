use bitcoin::hashes::Hash as _;

use super::*;

fn hash(height: Height) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&height.to_le_bytes());
    BlockHash::from_byte_array(bytes)
}

#[test]
fn a_sender_is_named_once() {
    let mut senders = Senders::default();
    senders.remember(7, hash(7), PeerId(3));
    assert_eq!(senders.take(7, hash(8)), None);
    assert_eq!(senders.take(7, hash(7)), Some(PeerId(3)));
    assert_eq!(senders.take(7, hash(7)), None);
}

#[test]
fn the_blocks_that_are_connected_last_are_forgotten_first() {
    let mut senders = Senders::default();
    let most = Height::try_from(MOST_SENDERS).unwrap();
    for height in (1..=most + 100).rev() {
        senders.remember(height, hash(height), PeerId(1));
    }
    assert_eq!(senders.0.len(), MOST_SENDERS);
    assert_eq!(senders.take(1, hash(1)), Some(PeerId(1)));
    assert_eq!(senders.take(most + 100, hash(most + 100)), None);
}

#[test]
fn branches_far_below_the_tip_are_forgotten() {
    let mut senders = Senders::default();
    for height in 1..=1000 {
        senders.remember(height, hash(height), PeerId(1));
    }
    senders.forget_below(1000);
    assert_eq!(senders.take(711, hash(711)), None);
    assert_eq!(senders.take(712, hash(712)), Some(PeerId(1)));
    senders.forget_below(10);
    assert!(senders.take(1000, hash(1000)).is_some());
}
