//! Generated chains and blocks that break a rule.

#![allow(clippy::unwrap_used)]

use tipward_consensus::RejectKind;
use tipward_oracle::{Kind, Oracle, Outcome, Refusal};
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::opcodes::OP_FALSE;
use tipward_primitives::bitcoin::transaction::Version;
use tipward_primitives::bitcoin::{
    Amount, Block, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    hashes::Hash as _,
};
use tipward_primitives::{Network, Params};
use tipward_testkit::build::{BlockBuilder, Flaw, anyone_can_spend, to_raw};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, Fork, ForkOrder, spoil};

const SCRIPT_ENDS_FALSE: &str = "block-script-verify-flag-failed (Script evaluated without error but finished with a \
                                 false/empty top stack element)";

#[test]
fn a_generated_chain_is_followed_through_its_forks() {
    let options = ChainOptions {
        seed: 3,
        blocks: 160,
        forks: vec![
            Fork {
                base: 110,
                length: 4,
                order: ForkOrder::First,
            },
            Fork {
                base: 130,
                length: 2,
                order: ForkOrder::Last,
            },
        ],
        ..ChainOptions::default()
    };
    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    let mut chain = ChainGenerator::new(options);
    let (mut left, mut joined) = (0, 0);
    for raw in chain.by_ref() {
        let answer = oracle.process_block(raw.bytes());
        assert_eq!(answer.outcome, Outcome::Stored);
        assert_eq!(answer.refused, []);
        left += answer.disconnected.len();
        joined += answer.connected.len();
    }
    assert_eq!(oracle.tip(), chain.tip_hash());
    assert_eq!(oracle.height(), 160);
    assert_eq!((left, joined), (4, 164), "it went up one fork and back");
    let active = oracle.active_chain();
    assert_eq!((active.len(), active[160]), (161, chain.tip_hash()));

    // All that was ever mined is still there, but for what fees moved within it.
    let coins = oracle.coins().unwrap();
    assert_eq!(coins.total(), (149 * 50 + 11 * 25) * 100_000_000);
}

#[test]
fn a_chain_of_every_kind_of_script_is_accepted_and_a_wrong_signature_in_it_is_not() {
    let options = ChainOptions::mixed(5, 110, 60_000);
    let good: Vec<_> = ChainGenerator::new(options).collect();
    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    for raw in &good {
        let answer = oracle.process_block(raw.bytes());
        assert_eq!(answer.refused, []);
        assert_eq!(answer.connected, [raw.block_hash()]);
    }

    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    let spoiled = spoil(good.into_iter(), 106);
    let answers: Vec<_> = spoiled
        .map(|raw| oracle.process_block(raw.bytes()))
        .collect();
    assert_eq!(oracle.height(), 105);
    let [refusal] = &answers[105].refused[..] else {
        panic!("{:?}", answers[105]);
    };
    assert_eq!(refusal.reason, SCRIPT_ENDS_FALSE);
    let after: Vec<_> = answers[106..]
        .iter()
        .map(|a| &a.refused[0].reason[..])
        .collect();
    // The first one's header is not kept, so that the next one has no parent.
    assert_eq!(after[..2], ["bad-prevblk", "prev-blk-not-found"]);
}

#[test]
fn a_block_is_known_the_second_time_and_no_block_at_all_is_told() {
    let params = Params::new(Network::Regtest);
    let raw = BlockBuilder::on_genesis(&params).build_raw();
    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    assert_eq!(oracle.process_block(raw.bytes()).outcome, Outcome::Stored);
    assert_eq!(oracle.process_block(raw.bytes()).outcome, Outcome::Known);
    let outcome = oracle.process_block(&raw.bytes()[..100]).outcome;
    assert_eq!(outcome, Outcome::Undecodable);
}

fn same(kind: RejectKind) -> Kind {
    match kind {
        RejectKind::Consensus => Kind::Consensus,
        RejectKind::CachedInvalid => Kind::CachedInvalid,
        RejectKind::InvalidHeader => Kind::InvalidHeader,
        RejectKind::Mutated | RejectKind::Damaged => Kind::Mutated,
        RejectKind::MissingPrev => Kind::MissingPrev,
        RejectKind::InvalidPrev => Kind::InvalidPrev,
        RejectKind::TimeFuture => Kind::TimeFuture,
        RejectKind::HeaderLowWork => Kind::HeaderLowWork,
    }
}

#[test]
fn bitcoin_core_refuses_every_flaw_for_the_reason_that_our_rules_give() {
    let params = Params::new(Network::Regtest);
    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    for flaw in Flaw::HEADER.into_iter().chain(Flaw::BODY) {
        let block = BlockBuilder::on_genesis(&params).flaw(flaw).build();
        let answer = oracle.process_block(to_raw(&block).bytes());
        assert_eq!(answer.outcome, Outcome::Refused, "{flaw:?}");
        let [refusal] = &answer.refused[..] else {
            panic!("{flaw:?}: {answer:?}");
        };
        let (kind, reason) = flaw.reject();
        let kind = match flaw {
            // Bitcoin Core sees this body as mutated where it comes in from a peer (`IsBlockMutated`), and never asks
            // its validation, which is all that the oracle is.
            Flaw::NodeAsTransaction => Kind::Consensus,
            _ => same(kind),
        };
        assert_eq!(refusal.block, block.block_hash(), "{flaw:?}");
        assert_eq!(
            (refusal.kind, refusal.reason.as_str()),
            (Some(kind), reason),
            "{flaw:?}"
        );
    }
    assert_eq!(oracle.height(), 0);
}

/// An oracle whose chain has `blocks` blocks; the first pays to `script`.
fn chain_with_coin(script: ScriptBuf, blocks: u32) -> (Oracle, Vec<Block>) {
    let params = Params::new(Network::Regtest);
    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    let first = BlockBuilder::on_genesis(&params).coinbase_to(vec![script]);
    let mut chain = vec![first.build()];
    for height in 1..blocks {
        let parent = &chain[height as usize - 1].header;
        chain.push(BlockBuilder::on(&params, parent, height).build());
    }
    for block in &chain {
        let answer = oracle.process_block(to_raw(block).bytes());
        assert_eq!(answer.connected, [block.block_hash()]);
    }
    (oracle, chain)
}

fn spending(outpoint: OutPoint, value: Amount) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: outpoint,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value,
            script_pubkey: anyone_can_spend(),
        }],
    }
}

/// What is said of a block that is put on a chain of `blocks` blocks with a transaction that `spend` makes of the first
/// block's coinbase.
fn refusal_of(script: &Script, blocks: u32, spend: impl Fn(Txid) -> Transaction) -> Refusal {
    let params = Params::new(Network::Regtest);
    let (mut oracle, chain) = chain_with_coin(script.to_owned(), blocks);
    let tx = spend(chain[0].txdata[0].compute_txid());
    let parent = &chain[blocks as usize - 1].header;
    let block = BlockBuilder::on(&params, parent, blocks)
        .transaction(tx, Amount::ZERO)
        .build();
    let mut answer = oracle.process_block(to_raw(&block).bytes());
    // Well-formed as it is, it is stored before its coins are looked for.
    assert_eq!(answer.outcome, Outcome::Stored);
    assert_eq!((answer.connected, answer.disconnected), (vec![], vec![]));
    assert_eq!(oracle.height(), blocks);
    let refusal = answer.refused.pop().unwrap();
    assert_eq!(answer.refused, []);
    assert_eq!(refusal.block, block.block_hash());
    assert_eq!(refusal.kind, Some(Kind::Consensus));
    refusal
}

const ALL: Amount = Amount::from_int_btc(50);

#[test]
fn a_block_that_does_not_connect_is_refused_with_the_reason() {
    let open = anyone_can_spend();
    let first = |txid| OutPoint::new(txid, 0);
    let missing = OutPoint::new(Txid::from_byte_array([9; 32]), 0);
    let reason =
        |blocks, spend: &dyn Fn(Txid) -> Transaction| refusal_of(&open, blocks, spend).reason;
    assert_eq!(
        reason(100, &|_| spending(missing, ALL)),
        "bad-txns-inputs-missingorspent"
    );
    assert_eq!(
        reason(99, &|txid| spending(first(txid), ALL)),
        "bad-txns-premature-spend-of-coinbase"
    );
    assert_eq!(
        reason(100, &|txid| spending(first(txid), ALL + Amount::ONE_SAT)),
        "bad-txns-in-belowout"
    );
}

#[test]
fn a_broken_script_is_named() {
    let never = ScriptBuf::from_bytes(vec![OP_FALSE.to_u8()]);
    let refusal = refusal_of(&never, 100, |txid| spending(OutPoint::new(txid, 0), ALL));
    assert_eq!(refusal.reason, SCRIPT_ENDS_FALSE);
    assert!(refusal.detail.starts_with("input 0 of "), "{refusal:?}");
}

#[test]
fn a_longer_branch_that_ends_badly_leaves_the_old_tip() {
    let params = Params::new(Network::Regtest);
    let never = ScriptBuf::from_bytes(vec![OP_FALSE.to_u8()]);
    let (mut oracle, chain) = chain_with_coin(never, 102);
    let old_tip = oracle.tip();
    let old_coins = oracle.coins().unwrap();
    // Two blocks beside the last two, the third with a script that fails.
    let mut parent = chain[99].header;
    for height in 100..102 {
        let side = BlockBuilder::on(&params, &parent, height)
            .extra_nonce(7)
            .build();
        parent = side.header;
        let answer = oracle.process_block(to_raw(&side).bytes());
        assert_eq!((answer.connected, answer.refused), (vec![], vec![]));
    }
    let tx = spending(OutPoint::new(chain[0].txdata[0].compute_txid(), 0), ALL);
    let last = BlockBuilder::on(&params, &parent, 102)
        .transaction(tx, Amount::ZERO)
        .build();
    let answer = oracle.process_block(to_raw(&last).bytes());

    assert_eq!(answer.refused.len(), 1);
    assert_eq!(answer.refused[0].block, last.block_hash());
    assert_eq!(answer.refused[0].reason, SCRIPT_ENDS_FALSE);
    assert_eq!(oracle.tip(), old_tip);
    assert_eq!(oracle.coins().unwrap(), old_coins);
    // Two left and two joined until the third was tried, and as many on the way back.
    assert_eq!(answer.connected.len(), 4);
    assert_eq!(answer.disconnected.len(), 4);
    assert_eq!(answer.connected[3], old_tip);
}

#[test]
fn oracles_in_several_threads_do_not_hear_each_other() {
    let params = Params::new(Network::Regtest);
    let reasons = std::thread::scope(|scope| {
        let threads = Flaw::BODY.map(|flaw| {
            let params = &params;
            scope.spawn(move || {
                let mut oracle = Oracle::new(Network::Regtest).unwrap();
                let raw = BlockBuilder::on_genesis(params).flaw(flaw).build_raw();
                let answer = oracle.process_block(raw.bytes());
                let reasons = answer.refused.into_iter().map(|refusal| refusal.reason);
                (flaw.reject().1, reasons.collect::<Vec<_>>())
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    for (expected, told) in reasons {
        assert_eq!(told, [expected]);
    }
}
