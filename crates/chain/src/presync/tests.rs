use proptest::prelude::*;
use tipward_primitives::Network;

use super::*;
use crate::testing::{bits, chain_of, chain_with, genesis, hashes, unmined};
use crate::{Chain, work};

const MAX_HEADERS: usize = 2000;
const SECRET: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

/// Regtest that wants the work of so many blocks on top of the genesis block.
fn wanting(blocks: u32) -> Arc<Params> {
    let mut params = Params::new(Network::Regtest);
    params.minimum_chain_work = work::times(work::of_bits(params.pow_limit_bits), blocks + 1);
    params.header_sync = HeaderSyncParams {
        commitment_period: 30,
        redownload_buffer_size: 600,
    };
    Arc::new(params)
}

fn new_presync(params: &Arc<Params>) -> Presync {
    let chain = Chain::new(Arc::clone(params));
    Presync::new(&chain, HeaderId::GENESIS, an_age_after(params), SECRET)
}

/// Late enough for chains of all lengths used here.
fn an_age_after(params: &Params) -> Timestamp {
    Timestamp::from_secs(u64::from(genesis(params).time) + 100_000_000)
}

/// What a peer with these headers, which build on the genesis block, answers to this locator.
fn serve<'a>(headers: &'a [Header], locator: &[BlockHash]) -> &'a [Header] {
    let first = locator
        .iter()
        .find_map(|hash| headers.iter().position(|h| h.block_hash() == *hash))
        .map_or(0, |last| last + 1);
    let rest = &headers[first..];
    &rest[..rest.len().min(MAX_HEADERS)]
}

/// Lets the peer answer until it is over, with `first` in the first download and with `second` in the other. Returns what
/// was accepted, the most memory taken on the way, and how it ended.
fn run(presync: &mut Presync, first: &[Header], second: &[Header]) -> (Vec<Header>, usize, End) {
    let mut accepted = Vec::new();
    let mut most_memory = 0;
    let mut locator = Vec::new();
    loop {
        let source = match presync.phase() {
            PresyncPhase::Presync => first,
            _ => second,
        };
        let message = serve(source, &locator);
        let outcome = presync.process(message, message.len() == MAX_HEADERS);
        assert!(presync.memory() <= presync.memory_bound());
        most_memory = most_memory.max(presync.memory());
        accepted.extend(outcome.accepted);
        match (outcome.request_more, outcome.end) {
            (Some(next), None) => locator = next,
            (None, Some(end)) => {
                assert_eq!(presync.phase(), PresyncPhase::Done);
                assert_eq!(presync.memory(), 0);
                return (accepted, most_memory, end);
            }
            both => panic!("neither or both of request and end: {both:?}"),
        }
    }
}

/// Says less than the headers themselves when it fails.
fn assert_same(accepted: &[Header], expected: &[Header]) {
    assert_eq!(accepted.len(), expected.len());
    assert!(accepted == expected);
}

#[test]
fn an_honest_long_chain_passes_whole_and_in_order() {
    let params = wanting(9000);
    let headers = chain_of(&genesis(&params), 10_000, unmined);
    let (accepted, _, end) = run(&mut new_presync(&params), &headers, &headers);
    assert_eq!(end, End::Complete);
    // The last message is full and reaches the threshold in its middle.
    assert_same(&accepted, &headers);
}

#[test]
fn what_passes_can_be_put_into_the_tree() {
    let params = wanting(3000);
    let headers = chain_of(&genesis(&params), 3100, unmined);
    let (accepted, ..) = run(&mut new_presync(&params), &headers, &headers);
    let chain = chain_with(&params, &accepted);
    assert_eq!(chain.hash(chain.best_header()), headers[3099].block_hash());
}

#[test]
fn a_chain_that_grows_between_the_downloads_passes() {
    let params = wanting(4000);
    let headers = chain_of(&genesis(&params), 7000, unmined);
    let (accepted, _, end) = run(&mut new_presync(&params), &headers[..4000], &headers);
    assert_eq!(end, End::Complete);
    assert_same(&accepted, &headers[..4000]);
}

#[test]
fn a_chain_with_too_little_work_costs_only_its_commitments() {
    let params = wanting(50_001);
    let headers = chain_of(&genesis(&params), 50_000, unmined);
    let (accepted, most_memory, end) = run(&mut new_presync(&params), &headers, &headers);
    assert_eq!(end, End::TooLittleWork);
    assert_same(&accepted, &[]);
    // One bit for thirty headers, and room to grow.
    assert!(
        most_memory <= 2 * (50_000 / 30 / 8 + 8),
        "{most_memory} bytes"
    );
}

#[test]
fn headers_are_held_back_until_enough_have_followed() {
    let params = wanting(9000);
    let headers = chain_of(&genesis(&params), 10_000, unmined);
    let mut presync = new_presync(&params);
    let mut locator = Vec::new();
    let mut sent = 0;
    let mut accepted = 0;
    while presync.phase() != PresyncPhase::Done {
        let redownload = presync.phase() == PresyncPhase::Redownload;
        let message = serve(&headers, &locator);
        let outcome = presync.process(message, true);
        accepted += outcome.accepted.len();
        if redownload {
            sent += message.len();
            let held = if outcome.end.is_some() { 0 } else { 600 };
            assert_eq!(accepted, sent - held);
        } else {
            assert_eq!(accepted, 0);
        }
        locator = outcome.request_more.unwrap_or_default();
    }
    assert_eq!(accepted, 10_000);
}

#[test]
fn another_chain_in_the_second_download_is_caught_before_any_of_it_passes() {
    let params = wanting(5000);
    let start = genesis(&params);
    let honest = chain_of(&start, 6000, unmined);
    let false_one = chain_of(&start, 6000, |parent, i| unmined(parent, 1_000_000 + i));
    let (accepted, _, end) = run(&mut new_presync(&params), &honest, &false_one);
    assert_eq!(end, End::Failed(Failure::CommitmentMismatch));
    assert_same(&accepted, &[]);
}

#[test]
fn a_chain_that_turns_off_in_the_second_download_gets_only_its_honest_part_through() {
    let params = wanting(7000);
    let honest = chain_of(&genesis(&params), 8000, unmined);
    let turned = chain_of(&honest[3999], 4000, |parent, i| {
        unmined(parent, 1_000_000 + i)
    });
    let false_one = [&honest[..4000], &turned[..]].concat();
    let (accepted, _, end) = run(&mut new_presync(&params), &honest, &false_one);
    assert_eq!(end, End::Failed(Failure::CommitmentMismatch));
    assert_same(&accepted, &honest[..3400]);
}

#[test]
fn work_piled_on_one_header_cannot_be_replaced_by_many_easy_ones() {
    // Where any claim is permitted, the first download reaches the threshold with one enormous header at height 101.
    let params = wanting(20_000);
    let easy = chain_of(&genesis(&params), 8000, unmined);
    let mut hard = unmined(&easy[99], 7);
    hard.bits = bits(0x1f00_ffff);
    let first = [&easy[..100], &[hard]].concat();
    let (accepted, _, end) = run(&mut new_presync(&params), &first, &easy);
    assert_eq!(end, End::Failed(Failure::CommitmentOverrun));
    assert_same(&accepted, &[]);
}

#[test]
fn a_peer_that_does_not_send_it_all_again_gets_only_what_was_proved_through() {
    let params = wanting(5000);
    let headers = chain_of(&genesis(&params), 6000, unmined);
    let (accepted, _, end) = run(&mut new_presync(&params), &headers, &headers[..4500]);
    assert_eq!(end, End::StoppedShort);
    assert_same(&accepted, &headers[..3900]);
}

#[test]
fn a_peer_that_suddenly_has_nothing_ends_it() {
    let params = wanting(5000);
    let headers = chain_of(&genesis(&params), 6000, unmined);
    let (accepted, _, end) = run(&mut new_presync(&params), &headers, &[]);
    assert_eq!((accepted, end), (Vec::new(), End::StoppedShort));
    let (accepted, _, end) = run(&mut new_presync(&params), &headers[..2000], &[]);
    assert_eq!((accepted, end), (Vec::new(), End::TooLittleWork));
}

#[test]
fn headers_that_do_not_follow_end_it() {
    let params = wanting(5000);
    let headers = chain_of(&genesis(&params), 6000, unmined);
    let mut presync = new_presync(&params);
    assert!(presync.process(&headers[..2000], true).end.is_none());
    let outcome = presync.process(&headers[2001..4001], true);
    assert_eq!(outcome.end, Some(End::Failed(Failure::NotContinuous)));
    assert_eq!(outcome.request_more, None);

    let mut with_gap = headers[..2001].to_vec();
    with_gap.remove(1000);
    let outcome = new_presync(&params).process(&with_gap, true);
    assert_eq!(outcome.end, Some(End::Failed(Failure::NotContinuous)));
}

#[test]
fn more_headers_than_there_can_be_by_now_end_it() {
    let params = wanting(1_000_000);
    let start = genesis(&params);
    let chain = Chain::new(Arc::clone(&params));
    // At the genesis block's own time: two hours of six blocks a second are 43,200.
    let now = Timestamp::from_secs(u64::from(start.time));
    let mut presync = Presync::new(&chain, HeaderId::GENESIS, now, SECRET);
    let headers = chain_of(&start, 46_000, |parent, i| {
        let mut header = unmined(parent, i);
        header.time = parent.time;
        header
    });
    let (accepted, most_memory, end) = run(&mut presync, &headers, &headers);
    assert_eq!(end, End::Failed(Failure::TooLong));
    assert_same(&accepted, &[]);
    assert!(most_memory <= presync.memory_bound());
}

#[test]
fn a_clock_before_the_chain_began_bounds_it_all_the_same() {
    let params = wanting(5000);
    let chain = Chain::new(Arc::clone(&params));
    let presync = Presync::new(&chain, HeaderId::GENESIS, Timestamp::default(), SECRET);
    assert_eq!(presync.max_commitments, 2 * 60 * 60 * 6 / 30);
}

#[test]
fn on_mainnet_the_bound_is_below_three_megabytes() {
    let chain = Chain::new(Arc::new(Params::new(Network::Bitcoin)));
    let in_2026 = Timestamp::from_secs(1_790_000_000);
    let presync = Presync::new(&chain, HeaderId::GENESIS, in_2026, SECRET);
    assert!(
        presync.memory_bound() < 3_000_000,
        "{}",
        presync.memory_bound()
    );
    assert_eq!(presync.minimum_work(), chain.params().minimum_chain_work);
}

#[test]
fn a_target_that_cannot_follow_ends_it_in_either_download() {
    let mut params = Params::clone(&wanting(250));
    params.pow_allow_min_difficulty = false;
    let params = Arc::new(params);
    let good = chain_of(&genesis(&params), 300, unmined);
    // The difficulty may change at height 144 only, here from the easiest target to a quarter of it.
    let jump = |at: usize, compact: u32| {
        chain_of(&genesis(&params), 300, |parent, i| {
            let mut header = unmined(parent, i);
            if i + 1 >= at as u64 {
                header.bits = bits(compact);
            }
            header
        })
    };
    let run = |first: &[Header], second: &[Header]| run(&mut new_presync(&params), first, second).2;
    let failed = End::Failed(Failure::DifficultyTransition);

    assert_eq!(run(&good, &good), End::Complete);
    let hard = jump(144, 0x201f_ffff);
    assert_eq!(run(&hard, &hard), End::Complete);
    assert_eq!(run(&jump(144, 0x201f_fffe), &good), failed);
    assert_eq!(run(&jump(145, 0x201f_ffff), &good), failed);
    assert_eq!(run(&good, &jump(145, 0x201f_ffff)), failed);
}

#[test]
fn headers_are_asked_for_from_the_last_one_and_then_again_from_the_start() {
    let params = wanting(5000);
    let start = genesis(&params).block_hash();
    let headers = chain_of(&genesis(&params), 6000, unmined);
    let hashes = hashes(&headers);
    let mut presync = new_presync(&params);
    let mut locators = Vec::new();
    let mut locator = Vec::new();
    while presync.phase() != PresyncPhase::Done {
        let message = serve(&headers, &locator);
        locator = presync
            .process(message, true)
            .request_more
            .unwrap_or_default();
        locators.push(locator.clone());
    }
    let expected = [
        vec![hashes[1999], start],
        vec![hashes[3999], start],
        vec![start, start],
        vec![hashes[1999], start],
        vec![hashes[3999], start],
        vec![],
    ];
    assert_eq!(locators, expected);
}

#[test]
fn it_begins_where_the_chain_leaves_ours() {
    let params = wanting(5000);
    let headers = chain_of(&genesis(&params), 6000, unmined);
    let chain = chain_with(&params, &headers[..1000]);
    let mut presync = Presync::new(&chain, chain.best_header(), an_age_after(&params), SECRET);
    assert_eq!(presync.height(), Some(1000));

    let outcome = presync.process(&headers[1000..3000], true);

    assert_eq!(presync.height(), Some(3000));
    assert_eq!(presync.time(), Some(headers[2999].time));
    let mut locator = vec![headers[2999].block_hash()];
    locator.extend(chain.locator(chain.best_header()));
    assert_eq!(outcome.request_more, Some(locator));
    let (accepted, _, end) = run(&mut presync, &headers[3000..], &headers[1000..]);
    assert_eq!(end, End::Complete);
    assert_same(&accepted, &headers[1000..5000]);
}

#[test]
fn another_secret_makes_other_commitments() {
    let params = wanting(5000);
    let headers = chain_of(&genesis(&params), 2000, unmined);
    let bits_of = |secret| {
        let chain = Chain::new(Arc::clone(&params));
        let mut presync = Presync::new(&chain, HeaderId::GENESIS, an_age_after(&params), secret);
        presync.process(&headers, true);
        let Phase::Presync(_, mut commitments) = presync.phase else {
            panic!("2000 headers are not enough for the second phase");
        };
        let bits: Vec<bool> = std::iter::from_fn(|| commitments.take()).collect();
        (presync.offset, bits)
    };
    assert_eq!(bits_of(1), bits_of(1));
    assert_ne!(bits_of(1), bits_of(2));
    assert!((66..=67).contains(&bits_of(1).1.len()));
    let offsets: std::collections::BTreeSet<u32> = (0..300).map(|s| bits_of(s).0).collect();
    assert!(
        offsets.len() > 25,
        "every offset of thirty should occur: {offsets:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn only_what_was_seen_twice_passes_however_it_is_cut(
        wanted in 100..1500_u32,
        length in 100..2000_usize,
        turns_at in prop::option::of(0..2000_usize),
        sizes in prop::collection::vec(1..400_usize, 1..20),
        secret in any::<u128>(),
    ) {
        let params = wanting(wanted);
        let start = genesis(&params);
        let honest = chain_of(&start, length, unmined);
        let mut second = honest.clone();
        if let Some(at) = turns_at.filter(|at| *at < length) {
            let parent = if at == 0 { start } else { honest[at - 1] };
            second.truncate(at);
            second.extend(chain_of(&parent, length - at, |p, i| unmined(p, 1_000_000 + i)));
        }
        let chain = Chain::new(Arc::clone(&params));
        let mut presync = Presync::new(&chain, HeaderId::GENESIS, an_age_after(&params), secret);
        let mut accepted = Vec::new();
        let mut sizes = sizes.into_iter().cycle();
        let mut sent = 0;
        let end = loop {
            let in_first = presync.phase() == PresyncPhase::Presync;
            let source = if in_first { &honest } else { &second };
            let size = sizes.next().unwrap().min(source.len() - sent);
            let outcome = presync.process(&source[sent..sent + size], sent + size < source.len());
            prop_assert!(presync.memory() <= presync.memory_bound());
            sent += size;
            if in_first && presync.phase() == PresyncPhase::Redownload {
                sent = 0;
            }
            accepted.extend(outcome.accepted);
            if let Some(end) = outcome.end {
                break end;
            }
        };
        prop_assert!(second.starts_with(&accepted));
        if length < wanted as usize {
            prop_assert_eq!(end, End::TooLittleWork);
            prop_assert_eq!(accepted.len(), 0);
        } else if second == honest {
            prop_assert_eq!(end, End::Complete);
            prop_assert!(accepted.len() >= wanted as usize);
        } else if end != End::Complete {
            // Caught: what passed was followed by 600 headers, with 20 bits, before the fault.
            prop_assert!(honest.starts_with(&accepted));
        }
    }
}
