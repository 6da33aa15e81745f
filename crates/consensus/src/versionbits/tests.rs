use proptest::prelude::*;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{BlockHash, TxMerkleNode};
use tipward_primitives::{BlockVersion, CompactTarget, DeploymentPos};

use super::*;

const PERIOD: u32 = 10;
const THRESHOLD: u32 = 7;
const BIT: u8 = 3;
const SIGNAL: i32 = 0x2000_0008;
const QUIET: i32 = 0x2000_0000;

fn deployment() -> Deployment {
    Deployment {
        pos: DeploymentPos::TestDummy,
        bit: BIT,
        start_time: 0,
        timeout: Deployment::NO_TIMEOUT,
        min_activation_height: 0,
        threshold: THRESHOLD,
        period: PERIOD,
    }
}

/// Headers with these versions, a second apart from 1000 on, so that the median time past of the one at height `h` is
/// 1000 + `h` - 5 (from height 10 on).
fn headers(versions: impl IntoIterator<Item = i32>) -> Vec<Header> {
    versions
        .into_iter()
        .zip(1000..)
        .map(|(version, time)| Header {
            version: BlockVersion::from_consensus(version),
            prev_blockhash: BlockHash::all_zeros(),
            merkle_root: TxMerkleNode::all_zeros(),
            time,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        })
        .collect()
}

/// Whole periods, with so many signals in each.
fn periods(signals: &[u32]) -> Vec<Header> {
    headers(
        signals
            .iter()
            .flat_map(|count| (0..PERIOD).map(move |at| if at < *count { SIGNAL } else { QUIET })),
    )
}

/// State and its beginning in the block after the last.
fn after(deployment: &Deployment, chain: &[Header]) -> (State, Height) {
    let height = Height::try_from(chain.len()).unwrap();
    let StateSince { state, since } = state_at(deployment, chain, height);
    (state, since)
}

#[test]
fn a_version_signals_only_under_the_three_top_bits() {
    assert!(signals(SIGNAL, BIT));
    assert!(!signals(QUIET, BIT));
    assert!(!signals(8, BIT));
    assert!(!signals(0x6000_0008, BIT));
    assert!(!signals(-1, BIT));
    assert!(signals(0x3fff_ffff, BIT) && signals(0x3000_0000, 28));
}

#[test]
fn it_goes_through_its_states_a_period_each() {
    let chain = periods(&[0, THRESHOLD, 0, 0]);
    let expected = [
        (State::Defined, 0),
        (State::Started, 10),
        (State::LockedIn, 20),
        (State::Active, 30),
        (State::Active, 30),
    ];
    for (period, expected) in expected.into_iter().enumerate() {
        let at = period * PERIOD as usize;
        for height in at..(at + PERIOD as usize).min(chain.len()) {
            let state = state_at(&deployment(), &chain[..], height as Height);
            assert_eq!((state.state, state.since), expected, "height {height}");
            // What comes later does not matter.
            assert_eq!(after(&deployment(), &chain[..height]), expected);
        }
    }
}

#[test]
fn signals_before_the_start_do_not_count_and_one_less_than_the_threshold_is_not_enough() {
    assert_eq!(
        after(&deployment(), &periods(&[PERIOD, THRESHOLD - 1])),
        (State::Started, 10)
    );
    assert_eq!(
        after(&deployment(), &periods(&[0, THRESHOLD])),
        (State::LockedIn, 20)
    );
    assert_eq!(
        after(&deployment(), &periods(&[0, THRESHOLD + 1])),
        (State::LockedIn, 20)
    );
    assert_eq!(
        after(&deployment(), &periods(&[0, 6, 6, 6, THRESHOLD])),
        (State::LockedIn, 50)
    );
}

#[test]
fn it_starts_when_the_median_time_past_reaches_the_start_time() {
    let chain = periods(&[0, 0, 0, 0]);
    let starting = |start_time| Deployment {
        start_time,
        ..deployment()
    };
    let last = 29;
    let median = i64::from(chain.median_time_past_at(last));
    assert_eq!(median, 1000 + i64::from(last) - 5);
    let begun = |start| after(&starting(start), &chain[..30]);
    assert_eq!(begun(median - 1), (State::Started, 30));
    assert_eq!(begun(median), (State::Started, 30));
    assert_eq!(begun(median + 1), (State::Defined, 0));
    assert_eq!(after(&starting(median + 1), &chain), (State::Started, 40));
}

#[test]
fn it_fails_when_the_timeout_is_reached_unless_the_threshold_is_too() {
    let quiet = periods(&[0, 0, 0]);
    let loud = periods(&[0, 0, THRESHOLD]);
    let median = i64::from(quiet.median_time_past_at(29));
    let until = |timeout| Deployment {
        timeout,
        ..deployment()
    };
    assert_eq!(after(&until(median - 1), &quiet), (State::Failed, 30));
    assert_eq!(after(&until(median), &quiet), (State::Failed, 30));
    assert_eq!(after(&until(median + 1), &quiet), (State::Started, 10));
    assert_eq!(after(&until(median), &loud), (State::LockedIn, 30));
    // For good.
    let later = periods(&[0, 0, 0, PERIOD, PERIOD]);
    assert_eq!(after(&until(median), &later), (State::Failed, 30));
}

#[test]
fn a_timeout_before_the_start_still_leaves_one_period_to_signal() {
    let past = Deployment {
        timeout: 0,
        ..deployment()
    };
    assert_eq!(after(&past, &periods(&[0])), (State::Started, 10));
    assert_eq!(after(&past, &periods(&[0, 0])), (State::Failed, 20));
    assert_eq!(after(&past, &periods(&[0, 9])), (State::LockedIn, 20));
}

#[test]
fn it_waits_locked_in_for_its_height() {
    let chain = periods(&[0, THRESHOLD, 0, 0, 0]);
    for (min_activation_height, active) in [(30, 30), (31, 40), (40, 40), (41, 50)] {
        let deployment = Deployment {
            min_activation_height,
            ..deployment()
        };
        let state = |height: usize| after(&deployment, &chain[..height]);
        assert_eq!(state(active - 1), (State::LockedIn, 20));
        assert_eq!(state(active), (State::Active, active as Height));
    }
}

#[test]
fn what_is_always_or_never_active_needs_no_headers() {
    let chain = periods(&[PERIOD; 4]);
    let with = |start_time| Deployment {
        start_time,
        ..deployment()
    };
    let always = with(Deployment::ALWAYS_ACTIVE);
    let never = with(Deployment::NEVER_ACTIVE);
    for height in [1, 25, 40] {
        assert_eq!(after(&always, &chain[..height]), (State::Active, 0));
        assert_eq!(after(&never, &chain[..height]), (State::Failed, 0));
    }
}

#[test]
fn a_new_block_signals_while_that_counts() {
    let mut params = Params::new(Network::Regtest);
    params.deployments = vec![deployment()];
    let chain = periods(&[0, THRESHOLD, 0, 0]);
    let version = |height: usize| next_block_version(&params, &chain[..height]);
    assert_eq!(version(9), QUIET);
    assert_eq!(version(10), SIGNAL);
    assert_eq!(version(29), SIGNAL);
    assert_eq!(version(30), QUIET);
}

#[test]
fn statistics_are_of_the_period_of_the_tip() {
    let chain = periods(&[PERIOD, 2]);
    let at = |len: usize| statistics(&deployment(), &chain[..len]);
    assert_eq!(
        at(11),
        Statistics {
            period: PERIOD,
            threshold: THRESHOLD,
            elapsed: 1,
            count: 1,
            possible: true,
            signalled: vec![true],
        }
    );
    let last_chance = at(15);
    assert_eq!((last_chance.elapsed, last_chance.count), (5, 2));
    assert!(last_chance.possible);
    assert!(!at(16).possible);
    assert_eq!(at(14).signalled, [true, true, false, false]);
    assert_eq!(at(20).elapsed, 10);
    assert_eq!(at(10).count, 10);
}

#[test]
fn a_soft_fork_that_nobody_told_us_of_is_noticed() {
    let mut params = Params::new(Network::Regtest);
    let period = params.difficulty_interval() as usize;
    let threshold = period * 3 / 4;
    let chain = |signals: usize| {
        let signalling = (0..period).map(|at| if at < signals { SIGNAL } else { QUIET });
        let quiet = std::iter::repeat_n(QUIET, period);
        headers(quiet.clone().chain(signalling).chain(quiet))
    };
    let found = |params: &Params, chain: &[Header]| unknown_activations(params, chain);
    let unknown = |active| vec![UnknownActivation { bit: BIT, active }];

    assert_eq!(found(&params, &chain(threshold - 1)), []);
    let loud = chain(threshold);
    assert_eq!(found(&params, &loud[..2 * period - 1]), []);
    assert_eq!(found(&params, &loud[..2 * period]), unknown(false));
    assert_eq!(found(&params, &loud[..3 * period - 1]), unknown(false));
    assert_eq!(found(&params, &loud), unknown(true));

    // Not where the signals are those of a deployment that is known, or of one that is buried by now.
    let known = Params {
        deployments: vec![Deployment {
            period: 144,
            threshold: 144,
            ..deployment()
        }],
        ..params.clone()
    };
    assert_eq!(found(&known, &loud), []);
    params.version_bits_warning_height = 2 * period as Height;
    assert_eq!(found(&params, &loud), []);
}

/// The state by the letter of BIP9: from the genesis block on, block after block.
fn naive(deployment: &Deployment, chain: &[Header]) -> (State, Height) {
    let (mut state, mut since) = (State::Defined, 0);
    for height in 1..=chain.len() {
        if !height.is_multiple_of(deployment.period as usize) {
            continue;
        }
        let last = height - 1;
        let median = i64::from(chain.median_time_past_at(last as Height));
        let count = chain[height - deployment.period as usize..height]
            .iter()
            .filter(|header| header.version.to_consensus() == SIGNAL)
            .count();
        let next = match state {
            State::Defined if median >= deployment.start_time => State::Started,
            State::Started if count >= deployment.threshold as usize => State::LockedIn,
            State::Started if median >= deployment.timeout => State::Failed,
            State::LockedIn if height >= deployment.min_activation_height as usize => State::Active,
            same => same,
        };
        if next != state {
            (state, since) = (next, height as Height);
        }
    }
    (state, since)
}

proptest! {
    #[test]
    fn the_state_is_that_of_bip9_by_the_letter(
        signals in proptest::collection::vec(prop_oneof![Just(SIGNAL), Just(SIGNAL), Just(QUIET)], 1..90),
        start_time in 990_i64..1070,
        timeout in 990_i64..1100,
        min_activation_height in 0_u32..90,
    ) {
        let deployment = Deployment { start_time, timeout, min_activation_height, ..deployment() };
        let chain = headers(signals);
        prop_assert_eq!(after(&deployment, &chain), naive(&deployment, &chain));
    }
}
