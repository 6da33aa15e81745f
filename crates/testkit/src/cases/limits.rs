//! Size, weight and signature checks: the most that a block can have, and one more.

use bitcoin::opcodes::all::{
    OP_CHECKMULTISIG, OP_CHECKSIG, OP_ENDIF, OP_IF, OP_PUSHNUM_1, OP_RETURN,
};
use bitcoin::opcodes::{OP_FALSE, Opcode};
use bitcoin::{Amount, Block, ScriptBuf, Transaction, Witness};

use super::blocks::edited;
use super::maker::{Maker, out, passing_on};
use super::{Case, Verdict};
use crate::build::recommit;
use crate::generate::ScriptKind;
use crate::generate::keys::script_of;

const MAX_WEIGHT: usize = 4_000_000;
const MAX_STRIPPED: usize = 1_000_000;
const MAX_SIGOPS: usize = 80_000;

pub(super) fn cases() -> Vec<Case> {
    let sigops = || Verdict::refused("bad-blk-sigops");
    vec![
        Case::valid("4,000,000 weight units", |maker| heavy(maker, MAX_WEIGHT)),
        Case::refused("bad-blk-weight", "4,000,001 weight units", |maker| {
            heavy(maker, MAX_WEIGHT + 1)
        }),
        Case::valid("3,999,999 weight units", |maker| {
            heavy(maker, MAX_WEIGHT - 1)
        }),
        Case::valid("1,000,000 bytes without witnesses", |maker| {
            long(maker, MAX_STRIPPED)
        }),
        Case::refused(
            "bad-blk-length",
            "1,000,001 bytes without witnesses",
            |maker| long(maker, MAX_STRIPPED + 1),
        ),
        checks(
            "all legacy checks that a block can have",
            Verdict::Valid,
            None,
            0,
        ),
        checks("one legacy check too many", sigops(), None, 4),
        checks(
            "all checks, some in a P2SH script",
            Verdict::Valid,
            Some(Behind::Hash),
            0,
        ),
        checks(
            "one check too many in a P2SH script",
            sigops(),
            Some(Behind::Hash),
            4,
        ),
        checks(
            "all checks, some in a witness script",
            Verdict::Valid,
            Some(Behind::Witness),
            0,
        ),
        checks(
            "one check too many in a witness script",
            sigops(),
            Some(Behind::Witness),
            1,
        ),
        checks(
            "one check short in a witness script",
            Verdict::Valid,
            Some(Behind::Witness),
            -1,
        ),
        checks(
            "all checks, some in a nested witness script",
            Verdict::Valid,
            Some(Behind::Nested),
            0,
        ),
        checks(
            "one check too many in a nested witness script",
            sigops(),
            Some(Behind::Nested),
            1,
        ),
        Case::valid("checks in tapscripts do not count", |maker| {
            let coin = maker.coin_of(ScriptKind::TaprootScript)?;
            let output = vec![out(coin.value, maker.change_script())];
            let tx = maker.spend_coins(&[coin], output, |_| {});
            maker.add(tx, Amount::ZERO);
            // The cost of what the maker did not fund is not known to it; a taproot output has none.
            fill(maker, MAX_SIGOPS)
        }),
    ]
}

/// A block of exactly this weight, nearly all of it in one witness.
fn heavy(maker: &mut Maker<'_>, weight: usize) -> Option<Block> {
    // Of a witness version that has no rules yet.
    let future = ScriptBuf::new_witness_program(
        &bitcoin::WitnessProgram::new(bitcoin::WitnessVersion::V2, &[7; 32])
            .expect("32 bytes are a program of any version"),
    );
    let outpoint = maker.pay_one(future)?;
    let with = |bytes: usize| {
        let mut tx = passing_on(outpoint);
        tx.input[0].witness = Witness::from_slice(&[vec![1; bytes]]);
        tx
    };
    // Both sizes are written in five bytes.
    let guess = 3_000_000;
    maker.add(with(guess), Amount::ZERO);
    let mut block = maker.block()?;
    let weighs = block.weight().to_wu() as usize;
    let last = block.txdata.len() - 1;
    block.txdata[last] = with(guess + weight - weighs);
    recommit(&mut block, true);
    Some(block)
}

/// A block of exactly this size without any witness.
fn long(maker: &mut Maker<'_>, size: usize) -> Option<Block> {
    let padded = |bytes: usize| {
        let mut block = maker.branch.builder().coinbase_padding(bytes).build();
        block.txdata[0].input[0].witness = Witness::new();
        block.txdata[0].output.pop();
        recommit(&mut block, false);
        block
    };
    let guess = 900_000;
    let is = padded(guess).total_size();
    Some(padded(guess + size - is))
}

/// Where signature checks stand that are no legacy ones.
#[derive(Clone, Copy)]
enum Behind {
    Hash,
    Witness,
    Nested,
}

/// A block whose signature checks cost so much more than a block's may.
fn checks(name: &str, verdict: Verdict, behind: Option<Behind>, more: isize) -> Case {
    Case::new(name, verdict, move |maker| {
        let cost = MAX_SIGOPS.saturating_add_signed(more);
        if let Some(behind) = behind {
            // In a branch that is not taken: they count all the same.
            let checks = match behind {
                Behind::Hash => vec![OP_CHECKMULTISIG; 5],
                // What remains for the legacy checks must be a multiple of four.
                Behind::Witness | Behind::Nested => {
                    vec![OP_CHECKSIG; 100 + cost % 4]
                }
            };
            let script = not_taken(&checks);
            let guard = match behind {
                Behind::Hash => script.to_p2sh(),
                Behind::Witness => script.to_p2wsh(),
                Behind::Nested => script.to_p2wsh().to_p2sh(),
            };
            let outpoint = maker.pay_one(guard)?;
            let mut tx: Transaction = passing_on(outpoint);
            let input = &mut tx.input[0];
            match behind {
                Behind::Hash => input.script_sig = script_of(&[script.as_bytes()]),
                Behind::Witness => input.witness = Witness::from_slice(&[script.as_bytes()]),
                Behind::Nested => {
                    input.script_sig = script_of(&[script.to_p2wsh().as_bytes()]);
                    input.witness = Witness::from_slice(&[script.as_bytes()]);
                }
            }
            maker.add(tx, Amount::ZERO);
        }
        fill(maker, cost)
    })
}

/// The block with so many legacy checks that they all together cost this.
fn fill(maker: &mut Maker<'_>, cost: usize) -> Option<Block> {
    let rest = cost.checked_sub(maker.sigop_cost())?;
    assert_eq!(rest % 4, 0, "a legacy check costs four");
    edited(maker, |block, _| {
        let mut script = vec![OP_CHECKSIG.to_u8(); 1 + rest / 4];
        script[0] = OP_RETURN.to_u8();
        let last = block.txdata[0].output.len() - 1;
        let commitment = block.txdata[0].output.remove(last);
        block.txdata[0]
            .output
            .push(out(Amount::ZERO, script.into()));
        block.txdata[0].output.push(commitment);
    })
}

fn not_taken(opcodes: &[Opcode]) -> ScriptBuf {
    let mut script = ScriptBuf::new();
    for opcode in [OP_PUSHNUM_1, OP_FALSE, OP_IF] {
        script.push_opcode(opcode);
    }
    for opcode in opcodes {
        script.push_opcode(*opcode);
    }
    script.push_opcode(OP_ENDIF);
    script
}
