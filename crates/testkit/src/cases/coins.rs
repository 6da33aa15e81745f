//! Which outputs can be spent, and when.

use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::{OP_DROP, OP_PUSHNUM_1, OP_RETURN};
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::{Amount, Block, OutPoint, ScriptBuf, Txid};

use super::Case;
use super::maker::{Maker, VALUE, out, passing_on, spending};
use crate::build::anyone_can_spend;
use crate::generate::wallet::Coin;

const MISSING: &str = "bad-txns-inputs-missingorspent";
const PREMATURE: &str = "bad-txns-premature-spend-of-coinbase";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::refused(
            MISSING,
            "a transaction that does not exist is spent",
            |maker| {
                let outpoint = OutPoint::new(Txid::from_byte_array([9; 32]), 0);
                maker.block_with(passing_on(outpoint), Amount::ZERO)
            },
        ),
        Case::refused(MISSING, "an output after the last is spent", |maker| {
            let mut outpoint = maker.pay_one(anyone_can_spend())?;
            outpoint.vout = 2;
            maker.block_with(passing_on(outpoint), Amount::ZERO)
        }),
        Case::refused(
            MISSING,
            "an output is spent that an earlier block spent",
            |maker| {
                let earlier = maker.branch.last_transaction.as_ref()?;
                let outpoint = earlier.input.first()?.previous_output;
                // No more than a satoshi, or it could be that earlier transaction over again.
                let output = out(Amount::ONE_SAT, anyone_can_spend());
                maker.block_with(spending([outpoint], vec![output]), Amount::ZERO)
            },
        ),
        Case::refused(
            "bad-txns-BIP30",
            "a transaction that the chain has, with an output unspent",
            |maker| {
                let earlier = maker.branch.last_transaction.clone()?;
                let txid = earlier.compute_txid();
                let unspent = |coin: &Coin| coin.outpoint.txid == txid;
                if !maker.wallet.coins.iter().any(unspent) {
                    return None;
                }
                maker.block_with(earlier, Amount::ZERO)
            },
        ),
        Case::refused(MISSING, "an output is spent twice in a block", |maker| {
            let outpoint = maker.pay_one(anyone_can_spend())?;
            maker.add(passing_on(outpoint), Amount::ZERO);
            let again = spending([outpoint], vec![out(VALUE, ScriptBuf::new())]);
            maker.block_with(again, Amount::ZERO)
        }),
        Case::valid("an output is spent in the block that made it", |maker| {
            let outpoint = maker.pay_one(anyone_can_spend())?;
            maker.block_with(passing_on(outpoint), Amount::ZERO)
        }),
        Case::valid("a chain of 30 spends in a block", |maker| {
            let mut outpoint = maker.pay_one(anyone_can_spend())?;
            for _ in 0..30 {
                let tx = passing_on(outpoint);
                outpoint.txid = tx.compute_txid();
                maker.add(tx, Amount::ZERO);
            }
            maker.block()
        }),
        Case::refused(MISSING, "an output is spent before it is made", |maker| {
            let outpoint = maker.pay_one(anyone_can_spend())?;
            let first = passing_on(outpoint);
            let second = passing_on(OutPoint::new(first.compute_txid(), 0));
            maker.add(second, Amount::ZERO);
            maker.block_with(first, Amount::ZERO)
        }),
        Case::refused(
            MISSING,
            "an old coin is spent by two transactions",
            |maker| {
                let coin = maker.free_coin(|_| true)?;
                for script in [anyone_can_spend(), ScriptBuf::new()] {
                    let tx = maker.spend_coins(&[coin], vec![out(coin.value, script)], |_| {});
                    maker.add(tx, Amount::ZERO);
                }
                maker.block()
            },
        ),
        Case::refused(MISSING, "the genesis block's output is spent", |maker| {
            let genesis = &maker.branch.params().genesis.txdata[0];
            let outpoint = OutPoint::new(genesis.compute_txid(), 0);
            maker.block_with(passing_on(outpoint), Amount::ZERO)
        }),
        Case::refused(MISSING, "an output that says OP_RETURN is spent", |maker| {
            let script = ScriptBuf::from_bytes(vec![OP_RETURN.to_u8()]);
            let outpoint = maker.pay_one(script)?;
            maker.block_with(passing_on(outpoint), Amount::ZERO)
        }),
        Case::valid(
            "an output with a script of 10,000 bytes is spent",
            |maker| {
                let outpoint = maker.pay_one(long_script(10_000))?;
                maker.block_with(passing_on(outpoint), Amount::ZERO)
            },
        ),
        Case::refused(
            MISSING,
            "an output with a script of 10,001 bytes is spent",
            |maker| {
                let outpoint = maker.pay_one(long_script(10_001))?;
                maker.block_with(passing_on(outpoint), Amount::ZERO)
            },
        ),
        Case::refused(PREMATURE, "a coinbase is spent 99 blocks later", |maker| {
            let coin = maker.wallet.immature.front().copied()?;
            spend_one(maker, coin)
        }),
        Case::valid("a coinbase is spent 100 blocks later", |maker| {
            let coin = maker.just_mature?;
            spend_one(maker, coin)
        }),
        Case::refused(PREMATURE, "the last block's coinbase is spent", |maker| {
            let coin = maker.wallet.immature.back().copied()?;
            spend_one(maker, coin)
        }),
        Case::refused(MISSING, "one of several inputs is missing", |maker| {
            let mut outpoints = maker.pay(&[anyone_can_spend(), anyone_can_spend()])?;
            outpoints.push(OutPoint::new(Txid::from_byte_array([8; 32]), 3));
            let tx = spending(outpoints, vec![out(VALUE, anyone_can_spend())]);
            maker.block_with(tx, VALUE)
        }),
        Case::refused(
            "bad-txns-inputs-duplicate",
            "an output that is there is spent twice by a transaction",
            |maker| {
                let outpoint = maker.pay_one(anyone_can_spend())?;
                let tx = spending(
                    [outpoint, outpoint],
                    vec![out(VALUE * 2, anyone_can_spend())],
                );
                maker.block_with(tx, Amount::ZERO)
            },
        ),
    ]
}

fn spend_one(maker: &mut Maker<'_>, coin: Coin) -> Option<Block> {
    let output = vec![out(coin.value, anyone_can_spend())];
    let tx = maker.spend_coins(&[coin], output, |_| {});
    maker.block_with(tx, Amount::ZERO)
}

/// A script of this length that anyone can spend.
pub(super) fn long_script(len: usize) -> ScriptBuf {
    const PUSH: usize = 500;
    let push = |script: Builder, bytes: usize| {
        let data = PushBytesBuf::try_from(vec![7; bytes]).expect("not too long for a push");
        script.push_slice(data).push_opcode(OP_DROP)
    };
    // A push of 256 to 520 bytes takes three more, and one for the drop; the script ends with a byte of its own.
    let mut script = Builder::new();
    while len - script.len() > 2 * PUSH {
        script = push(script, PUSH);
    }
    let rest = (len - script.len() - 1) / 2;
    let last = len - script.len() - 1 - rest;
    script = push(script, rest - 4);
    script = push(script, last - 4);
    script.push_opcode(OP_PUSHNUM_1).into_script()
}
