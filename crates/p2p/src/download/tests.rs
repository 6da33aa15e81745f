mod parts;

use std::time::Duration;

use bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Height, Timestamp};

use super::*;

/// A chain of hashes, some of them stored.
struct Way {
    hashes: Vec<BlockHash>,
    stored: Vec<BlockHash>,
}

impl Way {
    fn new(length: u32, salt: u8) -> Self {
        let hash = |height: u32| {
            let mut bytes = [salt; 32];
            bytes[..4].copy_from_slice(&height.to_le_bytes());
            BlockHash::from_byte_array(bytes)
        };
        Self {
            hashes: (0..=length).map(hash).collect(),
            stored: Vec::new(),
        }
    }
}

impl Route for Way {
    fn end(&self) -> Height {
        (self.hashes.len() - 1) as Height
    }
    fn hash(&self, height: Height) -> BlockHash {
        self.hashes[height as usize]
    }
    fn stored(&self, hash: &BlockHash) -> bool {
        self.stored.contains(hash)
    }
}

const T0: Timestamp = Timestamp::from_secs(1_000_000);

fn limits() -> Limits {
    Limits {
        batch: 16,
        credit_bytes: 1 << 20,
        window_blocks: 1024,
        window_bytes: 1 << 30,
    }
}

fn download(way: &Way, peers: u64, limits: Limits) -> Download {
    let mut download = Download::new(limits, T0);
    download.reroute(way, 1);
    for peer in 0..peers {
        download.join(T0, PeerId(peer), false);
        download.set_range(PeerId(peer), Some((1, way.end())));
    }
    download
}

/// Delivers everything that is asked for, ten milliseconds a round, until nothing is. Returns how often each block was
/// asked for.
fn deliver_all(download: &mut Download, way: &Way, bytes: usize) -> BTreeMap<BlockHash, usize> {
    let mut now = T0;
    let mut times: BTreeMap<BlockHash, usize> = BTreeMap::new();
    loop {
        let requests = download.schedule(now, way);
        if requests.is_empty() {
            return times;
        }
        let asked: usize = requests.iter().map(|r| r.blocks.len()).sum();
        assert!(asked == 1 || download.credits().asked() <= download.credits().capacity());
        now = now + Duration::from_millis(10);
        for request in requests {
            for (_, hash) in request.blocks {
                *times.entry(hash).or_default() += 1;
                let arrival = download.arrived(now, request.peer, &hash, bytes);
                assert_eq!(arrival, Arrival::Check);
                assert!(download.judged(now, &hash, Judged::Stored, way));
            }
        }
    }
}

#[test]
fn every_block_is_asked_for_exactly_once() {
    let way = Way::new(5_000, 0);
    let mut download = download(&way, 10, limits());
    let times = deliver_all(&mut download, &way, 300);
    assert_eq!(times.len(), 5_000);
    assert!(times.values().all(|n| *n == 1));
    assert_eq!(download.window(), (5_001, 0, 0));
    assert!(download.credits().idle());
}

#[test]
fn what_is_stored_already_is_passed_over() {
    let mut way = Way::new(100, 0);
    way.stored = way.hashes[40..60].to_vec();
    let mut download = download(&way, 2, limits());
    let times = deliver_all(&mut download, &way, 300);
    assert_eq!(times.len(), 80);
    assert_eq!(download.window(), (101, 0, 0));
}

#[test]
fn no_more_is_asked_for_than_there_are_credits_but_always_something() {
    for credit_bytes in [1, 10_000, 100_000] {
        let way = Way::new(500, 0);
        let limits = Limits {
            credit_bytes,
            ..limits()
        };
        let mut download = Download::new(limits, T0);
        download.reroute(&way, 1);
        for peer in 0..20 {
            download.join(T0, PeerId(peer), false);
            download.set_range(PeerId(peer), Some((1, 500)));
        }
        let mut now = T0;
        let mut stored = 0;
        while stored < 500 {
            let requests = download.schedule(now, &way);
            assert!(!requests.is_empty(), "{stored} of 500");
            let asked: usize = requests.iter().map(|r| r.blocks.len()).sum();
            assert!(asked == 1 || download.credits().asked() <= credit_bytes);
            now = now + Duration::from_millis(10);
            for request in requests {
                for (_, hash) in request.blocks {
                    download.arrived(now, request.peer, &hash, 1_000);
                    download.judged(now, &hash, Judged::Stored, &way);
                    stored += 1;
                }
            }
        }
    }
}

#[test]
fn nothing_is_asked_of_a_peer_that_does_not_have_it() {
    let way = Way::new(100, 0);
    let mut download = Download::new(limits(), T0);
    download.reroute(&way, 1);
    download.join(T0, PeerId(0), false);
    download.set_range(PeerId(0), Some((1, 10)));
    download.join(T0, PeerId(1), false);
    download.set_range(PeerId(1), Some((91, 100)));
    download.join(T0, PeerId(2), false);
    let mut now = T0;
    loop {
        let requests = download.schedule(now, &way);
        if requests.is_empty() {
            break;
        }
        now = now + Duration::from_millis(10);
        for request in requests {
            for (height, hash) in request.blocks {
                match request.peer {
                    PeerId(0) => assert!(height <= 10),
                    PeerId(1) => assert!(height >= 91),
                    other => panic!("{other} was asked for {height}"),
                }
                download.arrived(now, request.peer, &hash, 300);
                download.judged(now, &hash, Judged::Stored, &way);
            }
        }
    }
    let (front, width, open) = download.window();
    assert_eq!((front, width, open), (11, 90, 80));
    assert!(download.lacks_range(PeerId(2)));
    // Once it is known that the third has the rest, it is asked.
    download.set_range(PeerId(2), Some((1, 100)));
    assert!(!download.schedule(now, &way).is_empty());
}

#[test]
fn a_faster_peer_gets_more() {
    let way = Way::new(20_000, 0);
    let mut download = download(&way, 2, limits());
    // The first delivers a hundred times as fast as the second.
    let mut delivered = [0usize; 2];
    let mut busy: [VecDeque<BlockHash>; 2] = Default::default();
    let mut now = T0;
    for step in 0..4_000 {
        for request in download.schedule(now, &way) {
            let queue = &mut busy[request.peer.0 as usize];
            queue.extend(request.blocks.iter().map(|(_, hash)| *hash));
        }
        now = now + Duration::from_millis(5);
        for peer in 0..2 {
            if (peer == 0 || step % 100 == 0)
                && let Some(hash) = busy[peer].pop_front()
                && download.arrived(now, PeerId(peer as u64), &hash, 1000) == Arrival::Check
            {
                download.judged(now, &hash, Judged::Stored, &way);
                delivered[peer] += 1;
            }
        }
        assert!(busy[1].len() < 200, "a slow peer holds {}", busy[1].len());
    }
    assert!(delivered[0] > 20 * delivered[1], "{delivered:?}");
    assert!(delivered[1] > 10, "{delivered:?}");
}

#[test]
fn a_peer_that_leaves_gives_everything_back() {
    let way = Way::new(50, 0);
    let mut download = download(&way, 2, limits());
    let requests = download.schedule(T0, &way);
    let of_first: Vec<BlockHash> = requests
        .iter()
        .filter(|r| r.peer == PeerId(0))
        .flat_map(|r| r.blocks.iter().map(|b| b.1))
        .collect();
    assert_eq!(download.leave(PeerId(0)), of_first.len());
    let mut again = deliver_all(&mut download, &way, 300);
    for request in requests.iter().filter(|r| r.peer == PeerId(1)) {
        for (_, hash) in &request.blocks {
            download.arrived(T0, PeerId(1), hash, 300);
            download.judged(T0, hash, Judged::Stored, &way);
        }
    }
    again.append(&mut deliver_all(&mut download, &way, 300));
    assert!(of_first.iter().all(|hash| again.contains_key(hash)));
    assert_eq!(download.window().0, 51);
}

#[test]
fn a_second_copy_is_dropped_and_a_late_one_is_welcome() {
    let way = Way::new(1, 0);
    let mut download = download(&way, 1, limits());
    let hash = way.hashes[1];
    assert_eq!(download.schedule(T0, &way).len(), 1);
    assert_eq!(
        download.arrived(T0, PeerId(9), &hash, 300),
        Arrival::Check,
        "it is wanted, whoever brings it"
    );
    assert_eq!(
        download.arrived(T0, PeerId(0), &hash, 300),
        Arrival::Duplicate
    );
    assert_eq!(
        download.arrived(T0, PeerId(0), &hash, 300),
        Arrival::Duplicate
    );
    download.judged(T0, &hash, Judged::Again, &way);
    assert_eq!(download.schedule(T0, &way).len(), 1);
    assert_eq!(download.arrived(T0, PeerId(0), &hash, 300), Arrival::Check);
    download.judged(T0, &hash, Judged::Stored, &way);
    assert_eq!(
        download.arrived(T0, PeerId(0), &hash, 300),
        Arrival::NotAsked
    );
    assert!(download.credits().idle());
}

#[test]
fn another_way_keeps_what_is_on_its_way() {
    let old = Way::new(20, 0);
    let mut new = Way::new(30, 1);
    new.hashes[..=10].copy_from_slice(&old.hashes[..=10]);
    let mut download = download(&old, 1, limits());
    let asked: Vec<(Height, BlockHash)> = download
        .schedule(T0, &old)
        .into_iter()
        .flat_map(|r| r.blocks)
        .collect();
    download.reroute(&new, 1);
    download.set_range(PeerId(0), Some((1, 30)));
    for (height, hash) in &asked {
        let arrival = download.arrived(T0, PeerId(0), hash, 300);
        assert_eq!(arrival, Arrival::Check, "{height}");
        download.judged(T0, hash, Judged::Stored, &new);
    }
    let again = deliver_all(&mut download, &new, 300);
    assert!(asked.iter().all(|(_, hash)| !again.contains_key(hash)));
    assert_eq!(download.window().0, 31);
}

#[test]
fn the_front_is_hedged_when_it_is_late_and_its_silent_holder_is_convicted() {
    let way = Way::new(2_000, 0);
    let limits = Limits {
        window_blocks: 256,
        ..limits()
    };
    let mut download = download(&way, 2, limits);
    let (silent, quick) = (PeerId(0), PeerId(1));
    let mut now = T0;
    let mut findings = Vec::new();
    let mut todo: VecDeque<BlockHash> = VecDeque::new();
    for _ in 0..100 {
        now = now + Duration::from_millis(100);
        let mut requests = download.schedule(now, &way);
        for finding in download.look(now) {
            if let Finding::Hedge { request, .. } = &finding {
                requests.push(request.clone());
            }
            findings.push(finding);
        }
        for request in requests.into_iter().filter(|r| r.peer == quick) {
            todo.extend(request.blocks.iter().map(|b| b.1));
        }
        for _ in 0..10 {
            let Some(hash) = todo.pop_front() else { break };
            if download.arrived(now, quick, &hash, 300) == Arrival::Check {
                download.judged(now, &hash, Judged::Stored, &way);
            }
        }
    }
    let position = |wanted: fn(&Finding) -> bool| findings.iter().position(wanted);
    let helped = position(|f| matches!(f, Finding::Hedge { .. } | Finding::Silent { .. }));
    let convicted = position(|f| matches!(f, Finding::Convicted { peer, .. } if peer.0 == 0));
    assert!(helped.unwrap() < convicted.expect("the silent one is convicted"));
    assert!(download.window().0 > 100, "the window moved on");
    let _ = silent;
}

#[test]
fn nobody_is_convicted_while_our_own_side_lags() {
    let way = Way::new(100, 0);
    let mut download = download(&way, 2, limits());
    let requests = download.schedule(T0, &way);
    // One block came and is never judged: the pipeline is stuck.
    let (peer, hash) = (requests[0].peer, requests[0].blocks[0].1);
    download.arrived(T0, peer, &hash, 300);
    let mut now = T0;
    for _ in 0..1000 {
        now = now + Duration::from_millis(500);
        assert_eq!(download.look(now), []);
    }
}

#[test]
fn nobody_is_convicted_when_everybody_is_silent() {
    let way = Way::new(100, 0);
    let mut download = download(&way, 3, limits());
    download.schedule(T0, &way);
    let mut now = T0;
    for _ in 0..100 {
        now = now + Duration::from_millis(500);
        download.schedule(now, &way);
        for finding in download.look(now) {
            assert!(
                !matches!(finding, Finding::Convicted { .. } | Finding::TooLong { .. }),
                "{finding:?}"
            );
        }
    }
}

#[test]
fn one_answer_will_do_for_a_block_that_was_given_up_and_asked_of_the_same_peer_again() {
    let way = Way::new(1, 0);
    let mut download = download(&way, 1, limits());
    let first = download.schedule(T0, &way);
    assert_eq!(first.len(), 1);
    // Silent for long, it is given up; and there is nobody else to ask.
    let later = T0 + Duration::from_secs(61);
    let findings = download.look(later);
    assert!(matches!(findings[..], [Finding::Silent { .. }]));
    let again = download.schedule(later, &way);
    assert_eq!(again, first);

    let (_, hash) = again[0].blocks[0];
    assert_eq!(
        download.arrived(later, PeerId(0), &hash, 300),
        Arrival::Check
    );

    assert!(download.judged(later, &hash, Judged::Stored, &way));
    let source = &download.sources[&PeerId(0)];
    assert!(source.unanswered().next().is_none());
    assert!(download.credits().idle());
}

/// A peer whose line carries so many bytes a second, but which may send at once what it was idle for, up to a twentieth of a
/// second: so do token buckets, and so do sockets with room in their buffers.
struct Bursty {
    rate: f64,
    queue: VecDeque<BlockHash>,
    /// When all that it sent should have left.
    due: Timestamp,
    delivered: usize,
}

impl Bursty {
    const SLACK: Duration = Duration::from_millis(50);

    fn new(rate: f64) -> Self {
        Self {
            rate,
            queue: VecDeque::new(),
            due: T0,
            delivered: 0,
        }
    }

    /// The next block that it has sent by now.
    fn next(&mut self, now: Timestamp, bytes: usize) -> Option<BlockHash> {
        if self.queue.is_empty() || self.due > now {
            return None;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / self.rate);
        self.due = self.due.max(now - Self::SLACK) + takes;
        self.delivered += bytes;
        self.queue.pop_front()
    }
}

#[test]
fn peers_of_one_speed_have_fair_shares_of_a_small_chain_though_they_come_one_after_the_other() {
    // Mainnet's first 4,300 blocks are a megabyte.
    const BYTES: usize = 250;
    for apart in [0, 100, 300] {
        let way = Way::new(4_300, 0);
        let mut download = Download::new(limits(), T0);
        download.reroute(&way, 1);
        let mut peers: Vec<Bursty> = (0..4).map(|_| Bursty::new(50_000.0)).collect();
        let mut now = T0;
        while download.window().0 <= way.end() {
            for (i, id) in (0..4).map(PeerId).enumerate() {
                if now == T0 + Duration::from_millis(apart) * i as u32 {
                    download.join(now, id, true);
                    download.set_range(id, Some((1, way.end())));
                    download.round_trip(id, Duration::from_millis(1));
                }
            }
            for finding in download.look(now) {
                if let Finding::Hedge { request, .. } = finding {
                    let queue = &mut peers[request.peer.0 as usize].queue;
                    queue.extend(request.blocks.iter().map(|(_, hash)| *hash));
                }
            }
            for request in download.schedule(now, &way) {
                let queue = &mut peers[request.peer.0 as usize].queue;
                queue.extend(request.blocks.iter().map(|(_, hash)| *hash));
            }
            now = now + Duration::from_millis(1);
            for (peer, id) in peers.iter_mut().zip((0..).map(PeerId)) {
                while let Some(hash) = peer.next(now, BYTES) {
                    if download.arrived(now, id, &hash, BYTES) == Arrival::Check {
                        download.judged(now, &hash, Judged::Stored, &way);
                    }
                }
            }
        }
        let shares: Vec<usize> = peers.iter().map(|peer| peer.delivered).collect();
        let all: usize = shares.iter().sum();
        assert!(
            shares.iter().all(|share| share * 7 >= all),
            "{apart} ms apart: {shares:?}"
        );
        // All four were at work to the end.
        let took = now.since(T0).as_secs_f64();
        let ideal = all as f64 / 200_000.0;
        assert!(took < ideal * 1.25 + 1.0, "{took} s, {ideal} s at best");
    }
}

#[test]
fn the_window_is_told_block_by_block() {
    let way = Way::new(200, 0);
    let mut download = download(&way, 2, limits());
    // Peers that were never measured are asked for little; as they deliver, more is in flight.
    let mut asked: Vec<(Height, BlockHash, PeerId)> = Vec::new();
    let mut stored = 0;
    loop {
        for request in download.schedule(T0, &way) {
            let blocks = request.blocks.into_iter();
            asked.extend(blocks.map(|(height, hash)| (height, hash, request.peer)));
        }
        asked.sort_by_key(|(height, ..)| *height);
        if asked.len() > 3 {
            break;
        }
        let (_, hash, peer) = asked.remove(0);
        assert_eq!(download.arrived(T0, peer, &hash, 300), Arrival::Check);
        assert!(download.judged(T0, &hash, Judged::Stored, &way));
        stored += 1;
    }
    // The second one comes and is being checked, the third one is stored.
    let later = T0 + Duration::from_secs(100);
    for (_, hash, peer) in &asked[1..3] {
        assert_eq!(download.arrived(later, *peer, hash, 300), Arrival::Check);
    }
    assert!(download.judged(later, &asked[2].1, Judged::Stored, &way));
    let window = download.window_blocks(later, [asked[1].1].iter());
    assert_eq!(
        (window.front, window.blocks),
        (stored + 1, 200 - stored as usize)
    );
    assert_eq!(window.received, [asked[1].0]);
    let open: Height = window.open.iter().map(|(a, b)| b - a + 1).sum();
    assert_eq!(open as usize, window.blocks - asked.len());
    assert_eq!(window.asked.len(), asked.len() - 2);
    for block in &window.asked {
        assert!(
            asked
                .iter()
                .any(|(height, _, peer)| (*height, *peer) == (block.height, block.peer))
        );
        assert_eq!(block.waited, Duration::from_secs(100));
        assert!(block.late);
    }
    assert!(window.asked.is_sorted_by_key(|block| block.height));
    let (oldest, late) = download
        .oldest_request(later, window.asked[0].peer)
        .unwrap();
    assert_eq!((oldest, late), (Duration::from_secs(100), true));
}

#[test]
fn no_more_is_asked_for_than_the_disk_has_room_for_but_the_next_blocks_always() {
    let way = Way::new(2_000, 0);
    let mut download = download(&way, 4, limits());
    // The window was taken in without a limit.
    download.reroute(&Way::new(0, 1), 0);
    download.set_room(Some(0), 0);
    download.reroute(&way, 1);
    let times = deliver_all(&mut download, &way, 1000);
    assert_eq!(times.len(), 16);

    // What is stored has its room; what comes needs some.
    download.set_room(Some(200 * download.size.bytes()), 4);
    assert_eq!(deliver(&mut download, &way, 1000, 100), 100);
    download.set_room(Some(0), 4);
    assert_eq!(deliver_all(&mut download, &way, 1000).len(), 0);
    // The active chain comes closer: its next blocks are wanted in any case.
    download.set_room(Some(0), 110);
    assert_eq!(deliver_all(&mut download, &way, 1000).len(), 10);
    download.set_room(None, 126);
    assert_eq!(deliver_all(&mut download, &way, 1000).len(), 2_000 - 126);
    assert_eq!(download.room.stored, 0);
}

/// Delivers as [`deliver_all`] does, with less room after each block; returns how many came.
fn deliver(download: &mut Download, way: &Way, bytes: usize, room: usize) -> usize {
    let mut came = 0;
    loop {
        let left = 2 * room.saturating_sub(came) as u64 * download.size.bytes();
        download.set_room(Some(left), 0);
        let requests = download.schedule(T0, way);
        if requests.is_empty() {
            return came;
        }
        for request in requests {
            for (_, hash) in request.blocks {
                assert_eq!(
                    download.arrived(T0, request.peer, &hash, bytes),
                    Arrival::Check
                );
                came += 1;
                let left = 2 * room.saturating_sub(came) as u64 * download.size.bytes();
                download.set_room(Some(left), 0);
                assert!(download.judged(T0, &hash, Judged::Stored, way));
            }
        }
    }
}

#[test]
fn what_was_not_asked_for_yet_leaves_a_window_that_has_become_too_wide() {
    let way = Way::new(2_000, 0);
    let mut download = download(&way, 1, limits());
    let wide = download.window().1;
    assert!(wide > 500);
    let asked = download.schedule(T0, &way)[0].blocks.len();
    download.set_room(Some(0), 0);
    assert!(download.schedule(T0, &way).is_empty());
    let (front, window, _) = download.window();
    assert_eq!((front, window), (1, asked.max(16)));
    // It gets wide again.
    download.set_room(None, 0);
    download.schedule(T0, &way);
    assert_eq!(download.window().1, wide);
}
