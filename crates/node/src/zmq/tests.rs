use bitcoin::consensus::{deserialize, serialize};
use tipward_primitives::{Network, Params, Work};
use tipward_testkit::generate::{ChainGenerator, ChainOptions};

use super::tips::Tips;
use super::*;

fn work(units: u8) -> Work {
    let mut bytes = [0; 32];
    bytes[31] = units;
    Work::from_be_bytes(bytes)
}

/// At a tip with 10 units of work.
fn tips() -> Tips {
    let params = Params::new(Network::Regtest);
    let chain = tipward_chain::Chain::new(Arc::new(params));
    let mut tips = Tips::new(&chain.view());
    assert!(tips.judge(work(10), true, true));
    tips
}

#[test]
fn every_block_that_has_more_work_is_a_tip_even_for_who_lags() {
    let mut tips = tips();
    assert!(tips.judge(work(11), false, true));
    assert!(tips.judge(work(12), false, true));
    assert!(tips.judge(work(13), true, true));
}

#[test]
fn blocks_of_another_branch_are_no_tips_until_one_has_more_work() {
    let mut tips = tips();
    assert!(!tips.judge(work(9), false, true));
    assert!(!tips.judge(work(10), false, true));
    assert!(tips.judge(work(11), false, true));
    assert!(tips.judge(work(12), true, true));
    // A user's choice between equals is a tip, too.
    assert!(!tips.judge(work(11), false, true));
    assert!(tips.judge(work(12), true, true));
}

#[test]
fn nothing_is_told_before_initial_block_download_is_over_but_the_block_that_ends_it() {
    let mut tips = tips();
    assert!(!tips.judge(work(11), true, false));
    assert!(!tips.judge(work(12), false, false));
    assert!(!tips.judge(work(13), false, true));
    assert!(tips.judge(work(14), true, true));
    assert!(tips.judge(work(15), false, true));
}

#[test]
fn a_block_is_taken_apart_into_the_bytes_of_its_transactions() {
    let generator = ChainGenerator::new(ChainOptions {
        blocks: 120,
        ..ChainOptions::default()
    });
    for raw in generator {
        let block: bitcoin::Block = deserialize(raw.bytes()).unwrap();
        let expected: Parts = block
            .txdata
            .iter()
            .map(|tx| (tx.compute_txid(), serialize(tx).into()))
            .collect();
        assert_eq!(take_apart(&raw).unwrap(), expected);
    }
}
