//! Coins, blocks that spend, and the user's word on blocks: tipward beside Bitcoin Core on the same chain.

use serde_json::{Value, json};
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use tipward_primitives::bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};
use tipward_primitives::{Network, Params};
use tipward_testkit::build::BlockBuilder;

use super::bitcoind::{Bitcoind, executable};
use super::process::eventually;
use super::tipward::Tipward;

/// A script that everybody satisfies: `OP_TRUE`.
fn anyone() -> ScriptBuf {
    ScriptBuf::from_bytes(vec![0x51])
}

/// A script that nobody satisfies: `OP_FALSE`.
fn nobody() -> ScriptBuf {
    ScriptBuf::from_bytes(vec![0])
}

fn pay_to(script: &ScriptBuf) -> ScriptBuf {
    ScriptBuf::new_p2wsh(&script.wscript_hash())
}

fn descriptor(script: &ScriptBuf) -> String {
    format!("raw({})", script.to_hex_string())
}

/// Spends the first output of a transaction, whose witness script is `script`, and leaves a fee.
fn spend(of: &Transaction, script: &ScriptBuf, to: ScriptBuf) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(of.compute_txid(), 0),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[script.as_bytes()]),
        }],
        output: vec![TxOut {
            value: of.output[0].value - Amount::from_sat(1000),
            script_pubkey: to,
        }],
    }
}

fn block_at(daemon: &Bitcoind, height: u64) -> Block {
    let hash = daemon.call("getblockhash", json!([height]));
    let hex = daemon.call("getblock", json!([hash, 0]));
    deserialize_hex(hex.as_str().expect("hex")).expect("a block")
}

/// The answer without what depends on how coins are kept.
fn comparable(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.remove("disk_size");
    }
    answer
}

#[test]
fn coins_and_blocks_are_told_as_by_bitcoind_and_the_users_word_on_blocks_is_taken() {
    let Some(exe) = executable(
        "coins_and_blocks_are_told_as_by_bitcoind_and_the_users_word_on_blocks_is_taken",
    ) else {
        return;
    };
    let core = Bitcoind::start(&exe, "regtest", &[], &[]);
    let to_anyone = descriptor(&pay_to(&anyone()));
    let to_nobody = descriptor(&pay_to(&nobody()));
    core.call("generatetodescriptor", json!([2, to_anyone]));
    core.call("generatetodescriptor", json!([1, to_nobody]));
    core.call("generatetodescriptor", json!([101, to_anyone]));
    let first = spend(&block_at(&core, 1).txdata[0], &anyone(), pay_to(&anyone()));
    let second = spend(&first, &anyone(), pay_to(&nobody()));
    let txs = json!([serialize_hex(&first), serialize_hex(&second)]);
    let made = core.call("generateblock", json!([to_anyone, txs]));

    let node = Tipward::start("regtest", &[core.p2p_port], &[]);
    eventually("tipward's tip", core.tip(), || node.tip());
    let hash = &made["hash"];
    let same = |method: &str, params: Value| {
        assert_eq!(
            comparable(node.call(method, params.clone())),
            comparable(core.call(method, params.clone())),
            "{method} {params}"
        );
    };
    for (method, params) in [
        ("gettxoutsetinfo", json!(["muhash"])),
        ("gettxoutsetinfo", json!(["hash_serialized_3"])),
        ("gettxoutsetinfo", json!(["none"])),
        ("getblock", json!([hash, 2])),
        ("getblock", json!([hash, 3])),
        ("getblockstats", json!([hash])),
        ("getblockstats", json!([3])),
        ("getchaintxstats", json!([])),
        ("getdeploymentinfo", json!([])),
        (
            "getrawtransaction",
            json!([first.compute_txid().to_string(), 2, hash]),
        ),
        ("gettxout", json!([first.compute_txid().to_string(), 0])),
        ("gettxout", json!([second.compute_txid().to_string(), 0])),
        ("scantxoutset", json!(["start", [to_nobody]])),
        ("verifychain", json!([4, 0])),
    ] {
        same(method, params);
    }

    // A block with a script that fails has the same reason from both.
    let tip = block_at(&core, 105);
    let bad = spend(&block_at(&core, 3).txdata[0], &nobody(), pay_to(&anyone()));
    let bad = BlockBuilder::on(&Params::new(Network::Regtest), &tip.header, 105)
        .transaction(bad, Amount::from_sat(1000))
        .build();
    let ours = node.call("submitblock", json!([serialize_hex(&bad)]));
    assert_eq!(ours, core.call("submitblock", json!([serialize_hex(&bad)])));
    let reason = ours.as_str().expect("a reason");
    assert!(
        reason.starts_with("block-script-verify-flag-failed ("),
        "{reason}"
    );
    same("submitblock", json!([serialize_hex(&bad)]));
    same("getchaintips", json!([]));

    // What we make, Core takes.
    node.call("generatetodescriptor", json!([5, to_anyone]));
    let third = spend(&block_at(&core, 2).txdata[0], &anyone(), pay_to(&anyone()));
    let made = node.call("generateblock", json!([to_anyone, [serialize_hex(&third)]]));
    eventually("bitcoind's tip", made["hash"].clone(), || json!(core.tip()));

    // Back to before the block with transactions, and forth again.
    node.call("invalidateblock", json!([hash]));
    assert_eq!(node.height(), 104);
    let unspent = json!([block_at(&core, 1).txdata[0].compute_txid().to_string(), 0]);
    assert!(node.call("gettxout", unspent.clone()).is_object());
    node.call("reconsiderblock", json!([hash]));
    eventually("tipward's tip", core.tip(), || node.tip());
    assert!(node.call("gettxout", unspent).is_null());
    same("gettxoutsetinfo", json!(["muhash"]));
    node.stop();
}
