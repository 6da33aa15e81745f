use bitcoin::hashes::Hash as _;

use super::*;
use crate::Chain;
use crate::testing::{chain_of, chain_with, genesis, insert_all, regtest, unmined};

/// Ten stored blocks, two more headers, and a fork of one header after the fourth block.
fn example() -> (Chain, Vec<Header>, Header) {
    let headers = chain_of(&genesis(&regtest()), 12, unmined);
    let fork = unmined(&headers[3], 99);
    let mut chain = chain_with(&regtest(), &headers);
    insert_all(&mut chain, &[fork]);
    for header in &headers[..10] {
        chain.mark_stored(&header.block_hash(), 2);
    }
    chain.set_tip(&headers[9].block_hash());
    (chain, headers, fork)
}

fn id(chain: &Chain, header: &Header) -> HeaderId {
    chain.find(&header.block_hash()).unwrap()
}

#[test]
fn blocks_are_confirmed_by_those_of_the_active_chain_that_follow() {
    let (chain, headers, fork) = example();
    assert_eq!(chain.confirmations(chain.tip()), 1);
    assert_eq!(chain.confirmations(HeaderId::GENESIS), 11);
    assert_eq!(chain.confirmations(id(&chain, &fork)), -1);
    assert_eq!(chain.confirmations(id(&chain, &headers[11])), -1);
}

#[test]
fn only_blocks_below_the_tip_have_a_next_one() {
    let (chain, headers, fork) = example();
    let next = |header| chain.next_active(id(&chain, header));
    assert_eq!(next(&headers[3]), Some(id(&chain, &headers[4])));
    assert_eq!(next(&headers[9]), None);
    assert_eq!(next(&headers[10]), None);
    assert_eq!(next(&fork), None);
}

#[test]
fn a_branch_leaves_the_active_chain_at_its_fork_point() {
    let (chain, headers, fork) = example();
    let fork_point = |header| chain.fork_point(id(&chain, header));
    assert_eq!(fork_point(&fork), id(&chain, &headers[3]));
    assert_eq!(fork_point(&headers[11]), chain.tip());
    assert_eq!(fork_point(&headers[2]), id(&chain, &headers[2]));
}

#[test]
fn transactions_are_counted_when_blocks_are_stored() {
    let (chain, headers, fork) = example();
    let tip = chain.tip();
    assert_eq!(chain.transactions(tip), Some(2));
    assert_eq!(chain.chain_transactions(tip), Some(21));
    for unknown in [&headers[11], &fork] {
        assert_eq!(chain.transactions(id(&chain, unknown)), None);
        assert_eq!(chain.chain_transactions(id(&chain, unknown)), None);
    }
}

#[test]
fn the_context_of_a_block_says_which_rules_apply_at_its_height() {
    let mut params = Params::clone(&regtest());
    (params.bip34_height, params.csv_height, params.segwit_height) = (3, 4, 5);
    let headers = chain_of(&genesis(&params), 12, unmined);
    let chain = chain_with(&Arc::new(params), &headers);
    for (header, height) in headers.iter().zip(1..) {
        let context = chain.context(id(&chain, header));
        assert_eq!(context.header, *header);
        assert_eq!(context.hash, header.block_hash());
        assert_eq!(context.height, height);
        assert_eq!(
            (context.bip34, context.csv, context.segwit),
            (height >= 3, height >= 4, height >= 5)
        );
    }
    // Ten minutes from block to block: the median of eleven is five back from the parent.
    let last = chain.context(chain.best_header());
    assert_eq!(last.prev_median_time_past, headers[5].time);
    assert_eq!(chain.context(HeaderId::GENESIS).prev_median_time_past, 0);
}

#[test]
fn the_context_of_a_block_knows_the_ancestor_that_bip34_is_known_by() {
    let mut params = Params::clone(&regtest());
    params.bip34_height = 3;
    let headers = chain_of(&genesis(&params), 6, unmined);
    params.bip34_hash = headers[2].block_hash();
    let chain = chain_with(&Arc::new(params), &headers);
    for (header, height) in headers.iter().zip(1..) {
        // A block at the height itself is not behind it.
        let context = chain.context(id(&chain, header));
        assert_eq!(context.enforce_bip30, height <= 3, "{height}");
    }
}

#[test]
fn initial_block_download_lasts_until_the_tip_is_a_day_old_and_does_not_come_back() {
    let (mut chain, headers, _) = example();
    let tip_time = Timestamp::from_secs(u64::from(headers[9].time));
    let a_day_later = tip_time + Duration::from_secs(24 * 60 * 60);
    let even_later = a_day_later + Duration::from_secs(1);

    assert!(chain.is_initial_block_download(even_later));
    assert!(chain.update_initial_block_download(even_later));
    assert!(!chain.is_initial_block_download(a_day_later));
    // Asking changes nothing.
    assert!(chain.is_initial_block_download(even_later));

    assert!(!chain.update_initial_block_download(a_day_later));
    assert!(!chain.is_initial_block_download(even_later));
    assert!(!chain.view().is_initial_block_download(even_later));
}

#[test]
fn initial_block_download_lasts_until_there_is_the_minimum_of_work() {
    let mut params = Params::clone(&regtest());
    params.minimum_chain_work = work::times(work::of_bits(params.pow_limit_bits), 4);
    let headers = chain_of(&genesis(&params), 3, unmined);
    let mut chain = chain_with(&Arc::new(params), &headers);
    let now = Timestamp::from_secs(u64::from(headers[2].time));
    let expected = [true, true, false];
    for (header, expected) in headers.iter().zip(expected) {
        chain.mark_stored(&header.block_hash(), 1);
        chain.set_tip(&header.block_hash());
        assert_eq!(chain.has_minimum_work(), !expected);
        assert_eq!(chain.update_initial_block_download(now), expected);
    }
}

#[test]
fn headers_need_the_minimum_of_work_and_nearly_that_of_the_tip() {
    let one = work::of_bits(regtest().pow_limit_bits);
    let mut params = Params::clone(&regtest());
    params.minimum_chain_work = work::times(one, 50);
    let headers = chain_of(&genesis(&params), 300, unmined);
    let mut chain = chain_with(&Arc::new(params), &headers);
    assert_eq!(chain.work_threshold(), work::times(one, 50));
    for header in &headers[..100] {
        chain.mark_stored(&header.block_hash(), 1);
        chain.set_tip(&header.block_hash());
    }
    assert_eq!(chain.work_threshold(), work::times(one, 50));
    for header in &headers[100..] {
        chain.mark_stored(&header.block_hash(), 1);
        chain.set_tip(&header.block_hash());
    }
    assert_eq!(chain.work_threshold(), work::times(one, 301 - 144));
}

#[test]
fn scripts_are_assumed_valid_below_the_named_block_and_two_weeks_of_work() {
    // A block stands for ten minutes, two weeks are 2016 of them.
    let headers = chain_of(&genesis(&regtest()), 2100, unmined);
    let fork = unmined(&headers[3], 99);
    let mut chain = chain_with(&regtest(), &headers);
    insert_all(&mut chain, &[fork]);
    let assumed = |chain: &Chain, header: &Header, by: &BlockHash| {
        chain.scripts_assumed_valid(id(chain, header), by)
    };
    let last = headers[2099].block_hash();
    let at = |height: usize| &headers[height - 1];
    assert!(assumed(&chain, at(1), &last));
    // 2017 blocks on top are more than two weeks, 2016 are not.
    assert!(assumed(&chain, at(2100 - 2017), &last));
    assert!(!assumed(&chain, at(2100 - 2016), &last));
    // Up to the block itself, but not beyond it.
    assert!(assumed(&chain, at(50), &at(50).block_hash()));
    assert!(!assumed(&chain, at(51), &at(50).block_hash()));
    assert!(!assumed(&chain, &fork, &last));
    assert!(!assumed(&chain, &fork, &fork.block_hash()));
    assert!(!assumed(&chain, at(1), &unmined(at(2100), 5).block_hash()));
    assert!(!assumed(&chain, at(1), &BlockHash::all_zeros()));

    // Part of the best header's chain no more.
    chain.mark_invalid(&at(20).block_hash());
    assert!(!assumed(&chain, at(21), &last));
}

#[test]
fn no_scripts_are_assumed_valid_on_a_chain_with_too_little_work() {
    let one = work::of_bits(regtest().pow_limit_bits);
    let headers = chain_of(&genesis(&regtest()), 2100, unmined);
    for (minimum, assumed) in [(2101, true), (2102, false)] {
        let mut params = Params::clone(&regtest());
        params.minimum_chain_work = work::times(one, minimum);
        let chain = chain_with(&Arc::new(params), &headers);
        let last = headers[2099].block_hash();
        assert_eq!(
            chain.scripts_assumed_valid(id(&chain, &headers[0]), &last),
            assumed
        );
    }
}

#[test]
fn the_first_invalid_block_of_a_branch_is_found() {
    let (mut chain, headers, fork) = example();
    let first = |chain: &Chain, header: &Header| chain.first_invalid(id(chain, header));
    assert_eq!(first(&chain, &headers[9]), None);
    chain.mark_invalid(&headers[6].block_hash());
    let sixth = Some(id(&chain, &headers[6]));
    assert_eq!(first(&chain, &headers[5]), None);
    assert_eq!(first(&chain, &headers[6]), sixth);
    assert_eq!(first(&chain, &headers[11]), sixth);
    assert_eq!(first(&chain, &fork), None);
}
