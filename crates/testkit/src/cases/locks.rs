//! Lock times: of transactions (BIP113), of inputs (BIP68), in scripts (BIP65, BIP112).

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::all::{OP_CLTV, OP_CSV, OP_DROP, OP_PUSHNUM_1};
use bitcoin::script::Builder;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Block, ScriptBuf, Sequence, Transaction};

use super::maker::{Maker, out, passing_on};
use super::{Case, Verdict};
use crate::build::anyone_can_spend;
use crate::generate::wallet::{Coin, Place, blocks_between, time_between};

const NOT_YET: &str = "bad-txns-nonfinal";
const UNSATISFIED: &str = "Locktime requirement not satisfied";

/// Set, a relative lock does not hold.
const DISABLED: u32 = 1 << 31;
/// Set, it counts steps of 512 seconds.
const BY_TIME: u32 = 1 << 22;

pub(super) fn cases() -> Vec<Case> {
    let not_yet = || Verdict::refused(NOT_YET);
    vec![
        absolute(
            "a lock time of the height before",
            Verdict::Valid,
            |p| p.height - 1,
            0,
        ),
        absolute("a lock time of the height", not_yet(), |p| p.height, 0),
        absolute(
            "a lock time of the height that no input wants",
            Verdict::Valid,
            |p| p.height,
            u32::MAX,
        ),
        absolute(
            "a lock time of a second before the median",
            Verdict::Valid,
            |p| p.median_time - 1,
            0,
        ),
        absolute("a lock time of the median", not_yet(), |p| p.median_time, 0),
        absolute(
            "the highest lock time that is a height",
            not_yet(),
            |_| 499_999_999,
            0,
        ),
        absolute(
            "the lowest lock time that is a time",
            Verdict::Valid,
            |_| 500_000_000,
            0,
        ),
        relative(
            "a relative lock of the age in blocks",
            Verdict::Valid,
            2,
            |coin, p| blocks_between(coin, p).0,
        ),
        relative(
            "a relative lock of a block more than the age",
            not_yet(),
            2,
            |coin, p| blocks_between(coin, p).0 + 1,
        ),
        relative(
            "a relative lock of a block more in a transaction of version 1",
            Verdict::Valid,
            1,
            |coin, p| blocks_between(coin, p).0 + 1,
        ),
        relative(
            "a relative lock of a block more in a transaction of a version below zero",
            not_yet(),
            -1,
            |coin, p| blocks_between(coin, p).0 + 1,
        ),
        relative(
            "a relative lock that is disabled",
            Verdict::Valid,
            2,
            |coin, p| (blocks_between(coin, p).0 + 1) | DISABLED,
        ),
        relative(
            "a relative lock beside bits without meaning",
            Verdict::Valid,
            2,
            |coin, p| blocks_between(coin, p).0 | 1 << 16 | 1 << 23 | 1 << 30,
        ),
        relative(
            "a relative lock of the age in time",
            Verdict::Valid,
            2,
            |coin, p| time_between(coin, p).0,
        ),
        relative(
            "a relative lock of a step more than the age",
            not_yet(),
            2,
            |coin, p| time_between(coin, p).0 + 1,
        ),
        within_block(
            "a relative lock of no block within a block",
            Verdict::Valid,
            0,
        ),
        within_block("a relative lock of a block within a block", not_yet(), 1),
        within_block(
            "a relative lock of no time within a block",
            Verdict::Valid,
            BY_TIME,
        ),
        within_block(
            "a relative lock of a step within a block",
            not_yet(),
            BY_TIME | 1,
        ),
    ]
    .into_iter()
    .chain(check_lock_time())
    .chain(check_sequence())
    .collect()
}

/// A transaction with this lock time, whose only input has this sequence number.
fn absolute(name: &str, verdict: Verdict, lock: fn(Place) -> u32, sequence: u32) -> Case {
    Case::new(name, verdict, move |maker| {
        let mut tx = passing_on(maker.pay_one(anyone_can_spend())?);
        tx.lock_time = LockTime::from_consensus(lock(maker.place));
        tx.input[0].sequence = Sequence(sequence);
        maker.block_with(tx, Amount::ZERO)
    })
}

/// An old coin that is spent with a sequence number.
fn relative(name: &str, verdict: Verdict, version: i32, sequence: fn(&Coin, Place) -> u32) -> Case {
    Case::new(name, verdict, move |maker| {
        let height = maker.place.height;
        let coin = maker.free_coin(|coin| coin.place.height + 2 < height)?;
        let sequence = sequence(&coin, maker.place);
        let output = vec![out(coin.value, anyone_can_spend())];
        let tx = maker.spend_coins(&[coin], output, |tx| {
            tx.version = Version(version);
            tx.input[0].sequence = Sequence(sequence);
        });
        maker.block_with(tx, Amount::ZERO)
    })
}

/// A coin of the same block that is spent with a sequence number.
fn within_block(name: &str, verdict: Verdict, sequence: u32) -> Case {
    Case::new(name, verdict, move |maker| {
        let mut tx = passing_on(maker.pay_one(anyone_can_spend())?);
        tx.input[0].sequence = Sequence(sequence);
        maker.block_with(tx, Amount::ZERO)
    })
}

/// OP_CHECKLOCKTIMEVERIFY.
fn check_lock_time() -> Vec<Case> {
    let case = |name: &str, verdict, lock: fn(Place) -> i64, edit: fn(&mut Transaction, Place)| {
        Case::new(name, verdict, move |maker| {
            let script = Builder::new()
                .push_int(lock(maker.place))
                .push_opcode(OP_CLTV);
            locked(maker, script, edit)
        })
    };
    /// Locked to the height before.
    fn to_height(tx: &mut Transaction, place: Place) {
        tx.lock_time = LockTime::from_consensus(place.height - 1);
        tx.input[0].sequence = Sequence::ZERO;
    }
    fn height(place: Place) -> i64 {
        i64::from(place.height) - 1
    }
    let unsatisfied = || Verdict::script(UNSATISFIED);
    vec![
        case("CLTV of the lock time", Verdict::Valid, height, to_height),
        case(
            "CLTV of one more than the lock time",
            unsatisfied(),
            |p| height(p) + 1,
            to_height,
        ),
        case(
            "CLTV and a final input",
            unsatisfied(),
            height,
            |tx, place| {
                to_height(tx, place);
                tx.input[0].sequence = Sequence::MAX;
            },
        ),
        case(
            "CLTV of a time and a lock time of a height",
            unsatisfied(),
            |_| 500_000_000,
            to_height,
        ),
        case(
            "CLTV of a time",
            Verdict::Valid,
            |p| i64::from(p.median_time) - 1,
            |tx, place| {
                to_height(tx, place);
                tx.lock_time = LockTime::from_consensus(place.median_time - 1);
            },
        ),
        case(
            "CLTV of a number below zero",
            Verdict::script("Negative locktime"),
            |_| -1,
            to_height,
        ),
        case(
            "CLTV of a number of five bytes",
            unsatisfied(),
            |_| 1 << 38,
            to_height,
        ),
        case(
            "CLTV of a number of six bytes",
            Verdict::script("Script number overflowed or is non-minimally encoded"),
            |_| 1 << 40,
            to_height,
        ),
        Case::new(
            "CLTV of nothing",
            Verdict::script("Operation not valid with the current stack size"),
            |maker| {
                let script = ScriptBuf::from_bytes(vec![OP_CLTV.to_u8(), OP_PUSHNUM_1.to_u8()]);
                let outpoint = maker.pay_one(script)?;
                maker.block_with(passing_on(outpoint), Amount::ZERO)
            },
        ),
    ]
}

/// OP_CHECKSEQUENCEVERIFY, by a coin of the same block.
fn check_sequence() -> Vec<Case> {
    let case = |name: &str, verdict, number: i64, version: i32, sequence: u32| {
        Case::new(name, verdict, move |maker| {
            let script = Builder::new().push_int(number).push_opcode(OP_CSV);
            locked(maker, script, |tx, _| {
                tx.version = Version(version);
                tx.input[0].sequence = Sequence(sequence);
            })
        })
    };
    let unsatisfied = || Verdict::script(UNSATISFIED);
    vec![
        case("CSV of the sequence number", Verdict::Valid, 0, 2, 0),
        case(
            "CSV of more than the sequence number",
            unsatisfied(),
            1,
            2,
            0,
        ),
        case(
            "CSV of a lock that is not over",
            Verdict::refused(NOT_YET),
            1,
            2,
            1,
        ),
        case("CSV in a transaction of version 1", unsatisfied(), 0, 1, 0),
        case(
            "CSV and a disabled sequence number",
            unsatisfied(),
            0,
            2,
            DISABLED,
        ),
        case(
            "CSV of a disabled number",
            Verdict::Valid,
            i64::from(DISABLED),
            1,
            u32::MAX,
        ),
        case(
            "CSV of a time and a lock by blocks",
            unsatisfied(),
            i64::from(BY_TIME),
            2,
            0,
        ),
        case(
            "CSV of a time",
            Verdict::Valid,
            i64::from(BY_TIME),
            2,
            BY_TIME,
        ),
        case(
            "CSV of a number below zero",
            Verdict::script("Negative locktime"),
            -1,
            2,
            0,
        ),
    ]
}

/// A coin of the same block is spent whose script begins with `script`, by a transaction as `edit` makes it.
fn locked(
    maker: &mut Maker<'_>,
    script: Builder,
    edit: impl FnOnce(&mut Transaction, Place),
) -> Option<Block> {
    let script = script.push_opcode(OP_DROP).push_opcode(OP_PUSHNUM_1);
    let mut tx = passing_on(maker.pay_one(script.into_script())?);
    edit(&mut tx, maker.place);
    maker.block_with(tx, Amount::ZERO)
}
