use std::collections::HashSet;

use rand::SeedableRng as _;
use tipward_consensus::{BlockContext, check_block};

use super::*;
use crate::build::to_raw;
use crate::generate::{ChainGenerator, ChainOptions};

/// A chain long enough for coins of many ages.
fn chain() -> ChainGenerator {
    let options = ChainOptions {
        transactions: 0..=12,
        ..ChainOptions::mixed(4, 130, 0)
    };
    let mut chain = ChainGenerator::new(options);
    chain.by_ref().for_each(drop);
    chain
}

#[test]
fn there_are_cases_of_every_sort_and_no_two_have_the_same_name() {
    let cases = all();
    let names: HashSet<&str> = cases.iter().map(|case| &case.name[..]).collect();
    assert_eq!(names.len(), cases.len());
    let valid = cases.iter().filter(|case| case.verdict == Verdict::Valid);
    let valid = valid.count();
    assert!(valid > 60, "{valid} valid");
    assert!(cases.len() - valid > 100, "{} broken", cases.len() - valid);
}

#[test]
fn every_case_can_be_built_again_and_again_and_follows_from_the_seed() {
    let chain = chain();
    for case in all() {
        let mut blocks = (0..2).map(|_| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let block = case.build(chain.branch(), &mut rng);
            block.unwrap_or_else(|| panic!("{}: no block", case.name))
        });
        assert_eq!(blocks.next(), blocks.next(), "{}", case.name);
    }
}

#[test]
fn blocks_that_are_refused_without_coins_are_those_that_say_so() {
    let chain = chain();
    let branch = chain.branch();
    // What needs coins or scripts is not seen here, and these two have a form of each sort.
    let needs_coins = |reason: &str| {
        reason.starts_with("block-script-verify-flag-failed")
            || [
                "bad-txns-inputs-missingorspent",
                "bad-txns-premature-spend-of-coinbase",
                "bad-txns-in-belowout",
                "bad-cb-amount",
                "bad-txns-BIP30",
                "bad-txns-nonfinal",
                "bad-blk-sigops",
            ]
            .contains(&reason)
    };
    for case in all() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let Some(block) = case.build(branch, &mut rng) else {
            continue;
        };
        let median = branch.median_time_past();
        let height = branch.height() + 1;
        let context = BlockContext::new(branch.params(), block.header, height, median);
        let result = check_block(&context, to_raw(&block));
        match (&case.verdict, result) {
            (Verdict::Valid, result) => {
                assert!(result.is_ok(), "{}: {result:?}", case.name);
            }
            (Verdict::Refused(reason), Err(reject)) => {
                assert_eq!(reject.reason, *reason, "{}", case.name);
            }
            (Verdict::Refused(reason), Ok(_)) => {
                let header = matches!(
                    &reason[..],
                    "high-hash" | "bad-diffbits" | "time-too-old" | "time-too-new"
                );
                let header = header || reason.starts_with("bad-version");
                assert!(header || needs_coins(reason), "{}: not refused", case.name);
            }
        }
    }
}
