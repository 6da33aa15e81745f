//! Rules about a block's body as a whole, its coinbase and its amounts.

use bitcoin::{Amount, Block, ScriptBuf};

use super::header::flawed;
use super::maker::{Maker, VALUE, out, spending};
use super::{Case, Verdict};
use crate::build::{Flaw, anyone_can_spend, recommit};

const MAX_MONEY: Amount = Amount::MAX_MONEY;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Flaw::BODY.into_iter().map(flawed).collect();
    cases.extend([
        Case::valid("nothing but a coinbase", |maker| maker.block()),
        Case::valid("a coinbase script of 100 bytes", |maker| {
            coinbase_script(maker, 100)
        }),
        Case::refused("bad-cb-length", "a coinbase script of 101 bytes", |maker| {
            coinbase_script(maker, 101)
        }),
        Case::valid("a coinbase script that is the height alone", |maker| {
            coinbase_script(maker, 0)
        }),
        Case::refused("bad-cb-height", "the height of the block before", |maker| {
            edited(maker, |block, height| {
                let script = bitcoin::script::Builder::new();
                block.txdata[0].input[0].script_sig = script
                    .push_int(i64::from(height) - 1)
                    .push_slice([0; 8])
                    .into_script();
            })
        }),
        Case::refused(
            "bad-cb-height",
            "a height in more bytes than it takes",
            |maker| {
                edited(maker, |block, height| {
                    let [a, b, c, _] = height.to_le_bytes();
                    let script = vec![4, a, b, c, 0, 0];
                    block.txdata[0].input[0].script_sig = script.into();
                })
            },
        ),
        amounts("all that a coinbase may take, fees too", Verdict::Valid, 0),
        amounts("a satoshi left over", Verdict::Valid, -1),
        amounts(
            "a satoshi more than a coinbase may take",
            Verdict::refused("bad-cb-amount"),
            1,
        ),
        Case::refused("bad-cb-amount", "the subsidy twice", |maker| {
            edited(maker, |block, _| {
                let output = &mut block.txdata[0].output[0];
                output.value = output.value * 2 + Amount::from_sat(2);
            })
        }),
        Case::refused(
            "bad-txns-vout-toolarge",
            "a coinbase output above all money",
            |maker| {
                edited(maker, |block, _| {
                    block.txdata[0].output[0].value = MAX_MONEY + Amount::ONE_SAT;
                })
            },
        ),
        Case::valid("outputs that are worth as much as the inputs", |maker| {
            spent_for(maker, &[VALUE])
        }),
        Case::refused(
            "bad-txns-in-belowout",
            "outputs that are worth a satoshi more than the inputs",
            |maker| spent_for(maker, &[VALUE + Amount::ONE_SAT]),
        ),
        Case::refused("bad-txns-in-belowout", "an output of all money", |maker| {
            spent_for(maker, &[MAX_MONEY])
        }),
        Case::refused("bad-txns-in-belowout", "outputs of all money", |maker| {
            spent_for(maker, &[MAX_MONEY - Amount::ONE_SAT, Amount::ONE_SAT])
        }),
        Case::refused(
            "bad-txns-txouttotal-toolarge",
            "outputs of a satoshi more than all money",
            |maker| spent_for(maker, &[MAX_MONEY - Amount::ONE_SAT, Amount::from_sat(2)]),
        ),
        Case::refused(
            "bad-txns-vout-toolarge",
            "an output of a satoshi more than all money",
            |maker| spent_for(maker, &[MAX_MONEY + Amount::ONE_SAT]),
        ),
        Case::refused("bad-txns-vout-negative", "an output below zero", |maker| {
            spent_for(maker, &[Amount::from_sat(u64::MAX)])
        }),
        Case::valid("an output worth nothing", |maker| {
            spent_for(maker, &[Amount::ZERO, VALUE])
        }),
    ]);
    cases
}

/// A block whose coinbase `edit` has changed.
pub(super) fn edited(maker: &mut Maker<'_>, edit: impl FnOnce(&mut Block, u32)) -> Option<Block> {
    let mut block = maker.block()?;
    edit(&mut block, maker.place.height);
    recommit(&mut block, false);
    Some(block)
}

/// A coinbase script that is the height and zeros up to so many bytes, or the height alone if that is longer.
fn coinbase_script(maker: &mut Maker<'_>, len: usize) -> Option<Block> {
    edited(maker, |block, height| {
        let script = bitcoin::script::Builder::new().push_int(i64::from(height));
        let mut bytes = script.into_script().into_bytes();
        bytes.resize(len.max(bytes.len()), 0);
        block.txdata[0].input[0].script_sig = ScriptBuf::from_bytes(bytes);
    })
}

/// A block with fees whose coinbase takes so many satoshis more than it may.
fn amounts(name: &str, verdict: Verdict, more: i64) -> Case {
    Case::new(name, verdict, move |maker| {
        maker.pay_one(anyone_can_spend())?;
        edited(maker, |block, _| {
            let value = &mut block.txdata[0].output[0].value;
            *value = Amount::from_sat(value.to_sat().saturating_add_signed(more));
        })
    })
}

/// A block in which an output of [`VALUE`] is spent for outputs of these.
fn spent_for(maker: &mut Maker<'_>, values: &[Amount]) -> Option<Block> {
    let outpoint = maker.pay_one(anyone_can_spend())?;
    let output = values.iter().map(|value| out(*value, anyone_can_spend()));
    let tx = spending([outpoint], output.collect());
    maker.block_with(tx, Amount::ZERO)
}
