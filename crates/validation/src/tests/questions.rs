//! What others ask about the coins.

use bitcoin::Amount;
use tipward_coins::{CoinCache, CoinsDb};
use tipward_testkit::build::{Flaw, to_raw};

use super::connecting::{Miner, options};
use super::local::{Local, all};
use super::model::{coins_of, decode, key};
use crate::bell::Bell;
use crate::connect::SharedCoins;
use crate::handle::CoinsHandle;
use crate::{LeadBounds, TestError};

#[test]
fn a_coin_is_there_until_it_is_spent() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let blocks = Miner::new(21).mine(130);
    local.submit(&blocks);
    let model = coins_of(&blocks);
    let handle = local.pipeline.coins();
    for (outpoint, coin) in &model {
        let answer = handle.coin(outpoint).unwrap();
        assert_eq!(answer.tip, local.tip());
        assert_eq!(answer.tip_height, 130);
        assert_eq!(answer.coin.as_ref(), Some(coin));
    }
    let last = decode(&blocks[129]);
    let spent = last.txdata[1].input[0].previous_output;
    assert_eq!(handle.coin(&key(&spent)).unwrap().coin, None);
}

#[test]
fn a_snapshot_is_of_one_block_while_others_are_connected() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let blocks = Miner::new(22).mine(200);
    local.submit(&blocks[..110]);
    for until in [140, 170, 200] {
        local.store(&blocks[until - 30..until]);
        let snapshot = local.pipeline.coins().snapshot().unwrap();
        let tipward_coins::DbState::At { tip } = snapshot.state() else {
            panic!("{:?}", snapshot.state());
        };
        let height = blocks.iter().position(|b| b.block_hash() == tip).unwrap() + 1;
        assert!(height >= until - 30, "of height {height}");
        local.settle();
        assert_eq!(all(&snapshot), coins_of(&blocks[..height]));
    }
    assert_eq!(local.coins(), coins_of(&blocks));
}

#[test]
fn a_tested_block_is_judged_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path(), &options());
    let mut miner = Miner::new(23);
    let blocks = miner.mine(130);
    local.submit(&blocks);
    let builder = miner.branch.builder();
    let next = miner.mine(2);
    let handle = local.pipeline.coins();
    let reason = |block| match handle.test_block(block) {
        Ok(()) => String::new(),
        Err(TestError::Reject(reject)) => reject.reason.into_owned(),
        Err(TestError::Fault(fault)) => panic!("{fault}"),
    };
    assert_eq!(reason(next[0].clone()), "");
    assert_eq!(reason(next[1].clone()), "inconclusive-not-best-prevblk");
    // A transaction whose coin is spent already.
    let mut spent = decode(&blocks[129]).txdata[1].clone();
    spent.output[0].value -= Amount::ONE_SAT;
    let twice = builder.clone().transaction(spent, Amount::ZERO);
    assert_eq!(
        reason(to_raw(&twice.build())),
        "bad-txns-inputs-missingorspent"
    );
    let mut wrong = decode(&next[0]);
    // Nothing in the block spends what the last transaction makes.
    wrong.txdata.last_mut().unwrap().output[0].value -= Amount::ONE_SAT;
    tipward_testkit::build::recommit(&mut wrong, true);
    let wrong = reason(to_raw(&wrong));
    assert!(
        wrong.starts_with("block-script-verify-flag-failed"),
        "{wrong}"
    );
    let (_, flaw_reason) = Flaw::CoinbaseTwice.reject();
    let flawed = builder.clone().flaw(Flaw::CoinbaseTwice);
    assert_eq!(reason(to_raw(&flawed.build())), flaw_reason);
    assert_eq!(local.tip(), blocks[129].block_hash());
    assert_eq!(local.coins(), coins_of(&blocks));
    // The tested block can still be connected.
    local.submit(&next);
    assert_eq!(local.tip(), next[1].block_hash());
}

#[test]
fn who_waits_for_an_answer_hears_that_the_connect_thread_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let local = Local::open(dir.path(), &options());
    let tip = local.pipeline.validated_tip();
    let other = tempfile::tempdir().unwrap();
    let db = CoinsDb::open(other.path()).unwrap();
    let cache = CoinCache::new(db.clone(), 1 << 20);
    let coins = SharedCoins::new(cache, db, tip, LeadBounds::default());
    let (bell, _heard) = Bell::new();
    let (handle, questions) = CoinsHandle::new(coins.reader(), bell);
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| handle.flush());
        // Nobody takes the question before the thread ends.
        while questions.is_empty() {
            std::thread::yield_now();
        }
        drop(questions);
        assert!(asks.join().unwrap().is_err());
    });
    assert!(handle.flush().is_err());
}
