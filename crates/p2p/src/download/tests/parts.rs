//! What is said by parts of a message that is not complete.

use super::*;

const ONE: PeerId = PeerId(0);
const OTHER: PeerId = PeerId(1);

/// Two peers that owe blocks, after a hundred that had 300 bytes each.
fn after_small_blocks() -> (Download, Way) {
    let mut download = download(&Way::new(100, 0), 2, limits());
    deliver_all(&mut download, &Way::new(100, 0), 300);
    let way = Way::new(5_000, 0);
    download.reroute(&way, 101);
    for peer in [ONE, OTHER] {
        download.set_range(peer, Some((1, 5_000)));
    }
    let requests = download.schedule(T0, &way);
    for peer in [ONE, OTHER] {
        assert!(requests.iter().any(|r| r.peer == peer));
    }
    (download, way)
}

#[test]
fn it_moves_only_the_requests_to_its_sender() {
    let (mut download, way) = after_small_blocks();
    let bytes = |download: &Download, peer| download.sources[&peer].in_flight_bytes();
    let small = download.size.bytes();
    let before = (bytes(&download, ONE), bytes(&download, OTHER));

    let mut now = T0;
    for _ in 0..100 {
        now = now + Duration::from_millis(250);
        download.receiving(now, ONE, 100_000);
        // Whatever it is, it is not done: nothing more is asked of its sender, and as much as before of the other one.
        let requests = download.schedule(now, &way);
        assert!(requests.iter().all(|r| r.peer != ONE), "{requests:?}");
        assert_eq!(download.size.bytes(), small);
        assert!(bytes(&download, ONE) > 100 * before.0);
        assert_eq!(bytes(&download, OTHER), before.1);
        // Of the pool it takes no more than its share, beside what it had.
        let taken: u64 = download.sources[&ONE]
            .waiting()
            .map(|(_, asked)| asked.credits)
            .sum();
        assert!(taken <= download.credits().capacity() / 4 + before.0);
    }
}

#[test]
fn when_a_block_comes_after_all_its_sender_is_one_of_many_again() {
    let (mut download, way) = after_small_blocks();
    let small = download.size.bytes();
    download.receiving(T0 + Duration::from_secs(1), ONE, 200_000);
    assert!(download.sources[&ONE].block_size(&download.size) >= 200_000);

    let now = T0 + Duration::from_secs(2);
    let (_, owed) = download.sources[&ONE].waiting().next().unwrap();
    let hash = owed.hash;
    assert_eq!(download.arrived(now, ONE, &hash, 300), Arrival::Check);
    assert!(download.judged(now, &hash, Judged::Stored, &way));
    assert_eq!(download.sources[&ONE].block_size(&download.size), small);
    assert!(!download.sources[&ONE].has_outgrown());
}

#[test]
fn blocks_that_turn_out_larger_are_reckoned_with_before_the_first_is_complete() {
    let (mut download, way) = after_small_blocks();
    // Both lines are busy with one block each.
    let now = T0 + Duration::from_secs(1);
    for peer in [ONE, OTHER] {
        download.receiving(now, peer, 500_000);
        assert!(download.sources[&peer].in_flight_bytes() >= 500_000);
    }
    assert_eq!(download.schedule(now, &way), []);
}

#[test]
fn blocks_that_nobody_asked_for_show_no_speed() {
    let (mut download, _) = after_small_blocks();
    let before = download.sources[&ONE].speed.rate();
    let old = BlockHash::all_zeros();
    for n in 1..1_000 {
        let now = T0 + Duration::from_millis(10) * n;
        let arrival = download.arrived(now, ONE, &old, 1_000_000);
        assert_eq!(arrival, Arrival::NotAsked);
    }
    assert_eq!(download.sources[&ONE].speed.rate(), before);
}
