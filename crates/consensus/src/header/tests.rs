use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{BlockHash, TxMerkleNode};
use tipward_primitives::{BlockVersion, CompactTarget, Header, Network, Params, Target, Timestamp};

use super::*;
use crate::RejectKind;

fn params(network: Network) -> Params {
    Params::new(network)
}

fn header(time: u32, bits: u32) -> Header {
    Header {
        version: BlockVersion::from_consensus(4),
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits: CompactTarget::from_consensus(bits),
        nonce: 0,
    }
}

/// `len` headers ten minutes apart, all with the same `bits`; the first at `start`.
fn steady(len: u32, start: u32, bits: u32) -> Vec<Header> {
    (0..len).map(|i| header(start + i * 600, bits)).collect()
}

fn bits(consensus: u32) -> CompactTarget {
    CompactTarget::from_consensus(consensus)
}

fn required(network: Network, chain: &[Header], time: u32) -> u32 {
    next_work_required(&params(network), chain, time).to_consensus()
}

mod proof_of_work {
    use super::*;

    #[test]
    fn every_networks_genesis_block_meets_its_target() {
        for network in [
            Network::Bitcoin,
            Network::Testnet,
            Network::Testnet4,
            Network::Signet,
            Network::Regtest,
        ] {
            let params = params(network);
            let bits = params.genesis.header.bits;
            assert_eq!(
                check_proof_of_work(&params, params.genesis_hash, bits),
                Ok(())
            );
        }
    }

    #[test]
    fn a_hash_at_the_target_is_enough_and_one_above_is_not() {
        let params = params(Network::Regtest);
        let target = Target::from_compact(bits(0x207f_ffff)).to_le_bytes();
        assert_eq!(
            check_proof_of_work(
                &params,
                BlockHash::from_byte_array(target),
                bits(0x207f_ffff)
            ),
            Ok(())
        );
        let mut above = target;
        above[0] += 1;
        let reject = check_proof_of_work(
            &params,
            BlockHash::from_byte_array(above),
            bits(0x207f_ffff),
        )
        .unwrap_err();
        assert_eq!(reject.reason, "high-hash");
        assert_eq!(reject.kind, RejectKind::InvalidHeader);
    }

    #[test]
    fn a_target_out_of_range_is_refused_whatever_the_hash() {
        let params = params(Network::Bitcoin);
        let easiest = bits(0x1d00_ffff);
        assert!(target_of(&params, easiest).is_some());
        for (bad, why) in [
            (0x1d01_0000, "easier than the limit"),
            (0x0000_0000, "zero"),
            (0x0400_0000, "zero with an exponent"),
            (0x0100_ffff, "zero once its low bytes are shifted out"),
            (0x1d80_ffff, "negative"),
            (0x01fe_dcba, "negative and small"),
            (0x2301_0000, "wider than 256 bits, three-byte mantissa"),
            (0x2200_0100, "wider than 256 bits, two-byte mantissa"),
            (0x2300_0001, "wider than 256 bits, one-byte mantissa"),
            (0xff12_3456, "far wider than 256 bits"),
        ] {
            assert!(target_of(&params, bits(bad)).is_none(), "{bad:#x}: {why}");
            let reject =
                check_proof_of_work(&params, BlockHash::all_zeros(), bits(bad)).unwrap_err();
            assert_eq!(reject.reason, "high-hash", "{bad:#x}: {why}");
        }
    }
}

mod difficulty {
    use super::*;

    fn retarget_of(first_time: u32, last_time: u32, last_bits: u32) -> u32 {
        let mut chain = steady(2016, first_time, last_bits);
        chain[2015].time = last_time;
        required(Network::Bitcoin, &chain, last_time + 600)
    }

    #[test]
    fn a_period_of_two_weeks_changes_nothing_but_rounding() {
        // Block 32256: the first retarget that changed something on mainnet.
        assert_eq!(
            retarget_of(1_261_130_161, 1_262_152_739, 0x1d00_ffff),
            0x1d00_d86a
        );
    }

    #[test]
    fn a_slow_period_at_the_limit_stays_at_the_limit() {
        assert_eq!(
            retarget_of(1_231_006_505, 1_233_061_996, 0x1d00_ffff),
            0x1d00_ffff
        );
    }

    #[test]
    fn a_very_fast_period_makes_it_four_times_harder_at_most() {
        // Block 68544.
        assert_eq!(
            retarget_of(1_279_008_237, 1_279_297_671, 0x1c05_a3f4),
            0x1c01_68fd
        );
        assert_eq!(
            retarget_of(1_279_008_237, 1_279_008_237, 0x1c05_a3f4),
            0x1c01_68fd
        );
        // Time may even run backwards within a period.
        assert_eq!(
            retarget_of(1_279_008_237, 1_279_000_000, 0x1c05_a3f4),
            0x1c01_68fd
        );
    }

    #[test]
    fn a_very_slow_period_makes_it_four_times_easier_at_most() {
        assert_eq!(
            retarget_of(1_263_163_443, 1_269_211_443, 0x1c38_7f6f),
            0x1d00_e1fd
        );
        assert_eq!(
            retarget_of(1_263_163_443, 1_263_163_443 + 4 * 1_209_600, 0x1c38_7f6f),
            0x1d00_e1fd
        );
    }

    #[test]
    fn within_a_period_nothing_changes_on_mainnet() {
        let chain = steady(2015, 1_500_000_000, 0x1c05_a3f4);
        assert_eq!(
            required(Network::Bitcoin, &chain, 2_000_000_000),
            0x1c05_a3f4
        );
    }

    #[test]
    fn on_testnet_a_block_may_be_easy_only_after_more_than_twenty_minutes() {
        let chain = steady(100, 1_500_000_000, 0x1c05_a3f4);
        let tip = chain[99].time;
        assert_eq!(required(Network::Testnet, &chain, tip + 1200), 0x1c05_a3f4);
        assert_eq!(required(Network::Testnet, &chain, tip + 1201), 0x1d00_ffff);
    }

    #[test]
    fn on_testnet_easy_blocks_are_walked_past_to_the_last_ordinary_one() {
        let mut chain = steady(2016 + 100, 1_500_000_000, 0x1c05_a3f4);
        for easy in &mut chain[2016 + 40..] {
            easy.bits = bits(0x1d00_ffff);
        }
        let tip = chain[2016 + 99].time;
        assert_eq!(required(Network::Testnet, &chain, tip + 600), 0x1c05_a3f4);
    }

    #[test]
    fn on_testnet_the_walk_ends_at_the_first_block_of_the_period() {
        let mut chain = steady(2016 + 100, 1_500_000_000, 0x1c05_a3f4);
        for easy in &mut chain[2016..] {
            easy.bits = bits(0x1d00_ffff);
        }
        let tip = chain[2016 + 99].time;
        assert_eq!(required(Network::Testnet, &chain, tip + 600), 0x1d00_ffff);
    }

    #[test]
    fn an_easy_last_block_resets_the_difficulty_on_testnet3_but_not_on_testnet4() {
        let mut chain = steady(2016, 1_500_000_000, 0x1c05_a3f4);
        chain[2015].time = chain[0].time + 1_209_600;
        chain[2015].bits = bits(0x1d00_ffff);
        let time = chain[2015].time + 600;
        assert_eq!(required(Network::Testnet, &chain, time), 0x1d00_ffff);
        assert_eq!(required(Network::Testnet4, &chain, time), 0x1c05_a3f4);
    }

    #[test]
    fn on_regtest_the_difficulty_never_changes() {
        let mut chain = steady(144, 1_500_000_000, 0x207f_ffff);
        chain[143].time = chain[0].time + 1;
        assert_eq!(
            required(Network::Regtest, &chain, chain[143].time + 1),
            0x207f_ffff
        );
    }

    #[test]
    fn a_transition_is_permitted_within_a_factor_of_four_at_a_boundary_only() {
        let main = params(Network::Bitcoin);
        let permitted =
            |height, old, new| permitted_difficulty_transition(&main, height, bits(old), bits(new));
        assert!(permitted(2017, 0x1c05_a3f4, 0x1c05_a3f4));
        assert!(!permitted(2017, 0x1c05_a3f4, 0x1c05_a3f5));

        let old = 0x1c38_7f6f;
        let (easiest, hardest) = (0x1d00_e1fd, 0x1c0e_1fdb);
        assert!(permitted(4032, old, easiest));
        assert!(!permitted(4032, old, easiest + 1));
        assert!(permitted(4032, old, hardest));
        assert!(!permitted(4032, old, hardest - 1));
        // At the limit the bound is the limit.
        assert!(permitted(4032, 0x1d00_ffff, 0x1d00_ffff));
        assert!(!permitted(4032, 0x1d00_ffff, 0x1d01_0000));
        assert!(!permitted(4032, old, 0));
    }

    #[test]
    fn where_blocks_may_be_easy_every_transition_is_permitted() {
        for network in [Network::Testnet, Network::Testnet4, Network::Regtest] {
            assert!(permitted_difficulty_transition(
                &params(network),
                5,
                bits(0x1d00_ffff),
                bits(0x0300_0001)
            ));
        }
    }

    #[test]
    fn other_bits_than_required_are_bad_diffbits() {
        let chain = steady(10, 1_500_000_000, 0x1d00_ffff);
        let mut next = header(chain[9].time + 600, 0x1d00_fffe);
        let now = Timestamp::from_secs(1_600_000_000);
        let check = |header: &Header| {
            check_header_in_context(&params(Network::Bitcoin), &chain[..], header, now)
        };
        assert_eq!(check(&next).unwrap_err().reason, "bad-diffbits");
        next.bits = bits(0x1d00_ffff);
        assert_eq!(check(&next), Ok(()));
    }
}

mod time {
    use super::*;

    #[test]
    fn the_median_is_of_up_to_eleven_times() {
        assert_eq!(median_time_past_of([]), 0);
        assert_eq!(median_time_past_of([7]), 7);
        assert_eq!(median_time_past_of([7, 3]), 7);
        assert_eq!(median_time_past_of([7, 3, 5]), 5);
        assert_eq!(median_time_past_of([1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6]), 6);
        let older = [100; 20];
        assert_eq!(
            median_time_past_of([1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6].into_iter().chain(older)),
            6
        );
        assert_eq!(median_time_past(&steady(30, 0, 1)[..]), 24 * 600);
    }

    fn check(network: Network, chain: &[Header], time: u32, now: Timestamp) -> Result<(), Reject> {
        let params = params(network);
        let mut next = header(time, 0);
        next.bits = next_work_required(&params, chain, time);
        check_header_in_context(&params, chain, &next, now)
    }

    #[test]
    fn a_time_must_lie_after_the_median() {
        let chain = steady(30, 1_500_000_000, 0x1d00_ffff);
        let median = median_time_past(&chain[..]);
        let now = Timestamp::from_secs(1_600_000_000);
        let reject = check(Network::Bitcoin, &chain, median, now).unwrap_err();
        assert_eq!(
            (&*reject.reason, reject.kind),
            ("time-too-old", RejectKind::InvalidHeader)
        );
        assert_eq!(check(Network::Bitcoin, &chain, median + 1, now), Ok(()));
    }

    #[test]
    fn a_time_may_be_two_hours_ahead() {
        let chain = steady(30, 1_500_000_000, 0x1d00_ffff);
        let time = chain[29].time + 600;
        let exactly = Timestamp::from_secs(u64::from(time) - 7200);
        assert_eq!(check(Network::Bitcoin, &chain, time, exactly), Ok(()));
        let just_before = Timestamp::from_micros(exactly.as_micros() - 1);
        let reject = check(Network::Bitcoin, &chain, time, just_before).unwrap_err();
        assert_eq!(
            (&*reject.reason, reject.kind),
            ("time-too-new", RejectKind::TimeFuture)
        );
    }

    #[test]
    fn a_clock_at_the_end_of_time_refuses_nothing() {
        let chain = steady(30, 1_500_000_000, 0x1d00_ffff);
        assert_eq!(
            check(
                Network::Bitcoin,
                &chain,
                u32::MAX,
                Timestamp::from_micros(u64::MAX)
            ),
            Ok(())
        );
    }

    #[test]
    fn the_first_block_of_a_period_may_be_ten_minutes_early_where_bip94_holds() {
        let mut chain = steady(2016, 1_500_000_000, 0x1d00_ffff);
        chain[2015].time += 10_000;
        let parent = chain[2015].time;
        let now = Timestamp::from_secs(1_600_000_000);
        assert_eq!(check(Network::Testnet4, &chain, parent - 600, now), Ok(()));
        let reject = check(Network::Testnet4, &chain, parent - 601, now).unwrap_err();
        assert_eq!(
            (&*reject.reason, reject.kind),
            ("time-timewarp-attack", RejectKind::InvalidHeader)
        );
        assert_eq!(check(Network::Testnet, &chain, parent - 601, now), Ok(()));
        // Not the first of a period.
        chain.truncate(2015);
        chain[2014].time += 10_000;
        let parent = chain[2014].time;
        assert_eq!(check(Network::Testnet4, &chain, parent - 601, now), Ok(()));
    }
}

mod version {
    use super::*;

    #[test]
    fn a_version_is_refused_from_the_height_of_the_soft_fork_that_replaced_it() {
        let params = params(Network::Bitcoin);
        for (fork, outdated) in [
            (params.bip34_height, 1),
            (params.bip66_height, 2),
            (params.bip65_height, 3),
        ] {
            let mut old = header(0, 0);
            old.version = BlockVersion::from_consensus(outdated);
            assert_eq!(
                crate::header::version::check_version(&params, fork - 1, &old),
                Ok(())
            );
            let reject = crate::header::version::check_version(&params, fork, &old).unwrap_err();
            assert_eq!(reject.reason, format!("bad-version(0x{outdated:08x})"));
            assert_eq!(reject.kind, RejectKind::InvalidHeader);
            let mut new = old;
            new.version = BlockVersion::from_consensus(outdated + 1);
            assert_eq!(
                crate::header::version::check_version(&params, fork, &new),
                Ok(())
            );
        }
    }

    #[test]
    fn a_negative_version_is_outdated() {
        let params = params(Network::Bitcoin);
        let mut old = header(0, 0);
        old.version = BlockVersion::from_consensus(-1);
        let reject =
            crate::header::version::check_version(&params, params.bip34_height, &old).unwrap_err();
        assert_eq!(reject.reason, "bad-version(0xffffffff)");
        assert_eq!(
            crate::header::version::check_version(&params, params.bip34_height - 1, &old),
            Ok(())
        );
    }
}
