//! A chain whose blocks spend, and what is asked of it: the answers of Bitcoin Core are in `spending.json`, errors
//! included.

use std::sync::Arc;

use serde_json::{Value, json};
use tipward_primitives::bitcoin::absolute::LockTime;
use tipward_primitives::bitcoin::consensus::encode::serialize_hex;
use tipward_primitives::bitcoin::hex::FromHex as _;
use tipward_primitives::bitcoin::script::Builder;
use tipward_primitives::bitcoin::{
    Address, Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
    transaction,
};
use tipward_primitives::{BlockHash, Network, Params, Timestamp};
use tipward_testkit::build::{BlockBuilder, anyone_can_spend, to_raw};

use crate::answers::comparable;
use crate::fake::{FakeNode, serve};
use crate::http::connect;

/// A point of the curve.
const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// Height of the block with transactions of many kinds; in the second period of 144 blocks, so that a deployment has
/// started.
pub(crate) const KINDS: u32 = 150;

pub(crate) struct Spending {
    /// From height 1 on.
    pub(crate) blocks: Vec<Block>,
    /// A stored block beside the tip.
    pub(crate) fork: Block,
    /// Only its header is known.
    pub(crate) header_only: Block,
}

fn hex(hex: &str) -> Vec<u8> {
    Vec::from_hex(hex).unwrap()
}

/// Pays to this script hash by a witness, and everybody can spend it.
fn witness_script() -> ScriptBuf {
    ScriptBuf::new_p2wsh(&anyone_can_spend().wscript_hash())
}

/// Every kind of output script.
fn kinds() -> Vec<ScriptBuf> {
    let (hash20, hash32) = ("ab".repeat(20), "cd".repeat(32));
    [
        format!("76a914{hash20}88ac"),
        format!("a914{hash20}87"),
        format!("0014{hash20}"),
        format!("0020{hash32}"),
        format!("5120{KEY}"),
        format!("5120{}", "ff".repeat(32)),
        "51024e73".into(),
        format!("5220{hash32}"),
        format!("2102{KEY}ac"),
        format!("4104{KEY}{KEY}ac"),
        format!("4106{KEY}{KEY}ac"),
        format!("512102{KEY}2103{KEY}52ae"),
        "6a0548656c6c6f".into(),
        "6a".into(),
        "0002abcd".into(),
        "009f69930164b0ba504cff".into(),
        String::new(),
    ]
    .iter()
    .map(|script| ScriptBuf::from_bytes(hex(script)))
    .collect()
}

fn spend(
    inputs: Vec<(OutPoint, ScriptBuf, Witness)>,
    outputs: Vec<(u64, ScriptBuf)>,
) -> Transaction {
    Transaction {
        version: transaction::Version(-1),
        lock_time: LockTime::ZERO,
        input: inputs
            .into_iter()
            .map(|(previous_output, script_sig, witness)| TxIn {
                previous_output,
                script_sig,
                sequence: Sequence::MAX,
                witness,
            })
            .collect(),
        output: outputs
            .into_iter()
            .map(|(value, script_pubkey)| TxOut {
                value: Amount::from_sat(value),
                script_pubkey,
            })
            .collect(),
    }
}

impl Spending {
    pub(crate) fn new() -> Self {
        let params = Params::new(Network::Regtest);
        let mut blocks: Vec<Block> = Vec::new();
        let mut parent = params.genesis.header;
        for height in 0..KINDS - 1 {
            let block = BlockBuilder::on(&params, &parent, height).build();
            parent = block.header;
            blocks.push(block);
        }
        let coinbase = |height: usize| {
            let tx: &Transaction = &blocks[height - 1].txdata[0];
            (
                OutPoint::new(tx.compute_txid(), 0),
                tx.output[0].value.to_sat(),
            )
        };
        // What looks like a signature lies on the stack unused.
        let signature = hex(&format!(
            "30440220{}0220{}81",
            "11".repeat(32),
            "22".repeat(32)
        ));
        let script_sig = Builder::new()
            .push_slice(
                <&tipward_primitives::bitcoin::script::PushBytes>::try_from(&signature[..])
                    .unwrap(),
            )
            .into_script();
        let (first, value) = coinbase(1);
        let mut outputs: Vec<(u64, ScriptBuf)> = (0..).map(|n| 1000 + n).zip(kinds()).collect();
        let given: u64 = outputs.iter().map(|(value, _)| value).sum();
        outputs.push((value - given - 1234, witness_script()));
        let many = spend(vec![(first, script_sig, Witness::new())], outputs);
        let last = many.output.len() as u32 - 1;
        let witness = Witness::from_slice(&[anyone_can_spend().into_bytes()]);
        let left = many.output[last as usize].value.to_sat();
        let chained = spend(
            vec![(
                OutPoint::new(many.compute_txid(), last),
                ScriptBuf::new(),
                witness.clone(),
            )],
            vec![(left - 500, witness_script()), (0, anyone_can_spend())],
        );
        let ((second, second_value), spent) = (coinbase(2), chained.output[0].value.to_sat());
        let joined = spend(
            vec![
                (second, ScriptBuf::new(), Witness::new()),
                (
                    OutPoint::new(chained.compute_txid(), 0),
                    ScriptBuf::new(),
                    witness,
                ),
            ],
            vec![(second_value + spent - 77, anyone_can_spend())],
        );
        let kinds = BlockBuilder::on(&params, &parent, KINDS - 1)
            .transaction(many, Amount::from_sat(1234))
            .transaction(chained, Amount::from_sat(500))
            .build();
        let tip = BlockBuilder::on(&params, &kinds.header, KINDS)
            .transaction(joined, Amount::from_sat(77))
            .build();
        Self {
            fork: BlockBuilder::on(&params, &kinds.header, KINDS)
                .extra_nonce(9)
                .build(),
            header_only: BlockBuilder::on(&params, &tip.header, KINDS + 1).build(),
            blocks: blocks.into_iter().chain([kinds, tip]).collect(),
        }
    }

    /// The time at which it is asked.
    pub(crate) fn time(&self) -> u32 {
        self.header_only.header.time
    }

    pub(crate) fn node(&self) -> Arc<FakeNode> {
        let params = Arc::new(Params::new(Network::Regtest));
        let node = FakeNode::with_params(params, Timestamp::from_secs(self.time().into()));
        for block in self.blocks.iter().chain([&self.fork]) {
            node.take(to_raw(block));
        }
        node.take_header(&self.header_only.header);
        node
    }

    pub(crate) fn genesis(&self) -> BlockHash {
        self.blocks[0].header.prev_blockhash
    }

    /// The block whose transactions spend and have outputs of every kind.
    pub(crate) fn spender(&self) -> BlockHash {
        self.blocks[KINDS as usize - 1].block_hash()
    }

    /// Outputs as REST takes them: spent and unspent ones, one alone, more than may be asked for.
    pub(crate) fn outpoints_of_interest(&self) -> Vec<String> {
        let txid = |height: usize, n: usize| self.blocks[height - 1].txdata[n].compute_txid();
        let kinds = txid(KINDS as usize, 1);
        let mixed = format!("{}-0/{}-0/{kinds}-3/{kinds}-12", txid(1, 0), txid(3, 0));
        let many: Vec<String> = (0..16).map(|n| format!("{kinds}-{n}")).collect();
        vec![mixed, many[..15].join("/"), many[4].clone(), many.join("/")]
    }

    /// What is asked of Core and of us.
    pub(crate) fn calls(&self) -> Vec<(&'static str, Value)> {
        let at = |height: u32| &self.blocks[height as usize - 1];
        let hash = |block: &Block| block.block_hash().to_string();
        let genesis = Params::new(Network::Regtest).genesis_hash.to_string();
        let (kinds, tip) = (at(KINDS), at(KINDS + 1));
        let (fork, header_only) = (hash(&self.fork), hash(&self.header_only));
        let txid = |block: &Block, n: usize| block.txdata[n].compute_txid().to_string();
        let unknown = "11".repeat(32);
        let genesis_tx = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
        let address = |script: &ScriptBuf| {
            let address = Address::from_script(script, Network::Regtest);
            format!("addr({})", address.unwrap())
        };
        let mut calls = vec![
            ("getblock", json!([hash(kinds), 2])),
            ("getblock", json!([hash(kinds), 3])),
            ("getblock", json!([hash(tip), 3])),
            ("getblock", json!([hash(tip), 4])),
            ("getblock", json!([fork, 2])),
            ("getblock", json!([genesis, 3])),
            ("getblock", json!([header_only, 2])),
            ("getblock", json!([unknown, 2])),
            ("getblock", json!([hash(tip), "2"])),
        ];
        for n in 0..kinds.txdata.len() {
            for verbosity in 0..3 {
                calls.push((
                    "getrawtransaction",
                    json!([txid(kinds, n), verbosity, hash(kinds)]),
                ));
            }
        }
        let coinbase = txid(&self.fork, 0);
        for params in [
            json!([txid(tip, 1), true, hash(tip)]),
            json!([coinbase, 2, fork]),
            json!([txid(tip, 1), 1, hash(kinds)]),
            json!([txid(tip, 1), 1, unknown]),
            json!([txid(tip, 1), 1, header_only]),
            json!([txid(tip, 1)]),
            json!([genesis_tx, 1, genesis]),
            json!(["11"]),
            json!([txid(tip, 1), 1, "11"]),
        ] {
            calls.push(("getrawtransaction", params));
        }
        calls.push((
            "decoderawtransaction",
            json!([serialize_hex(&kinds.txdata[2])]),
        ));
        calls.push(("decoderawtransaction", json!(["00"])));
        for n in 0..kinds.txdata[1].output.len() {
            calls.push(("gettxout", json!([txid(kinds, 1), n])));
        }
        for params in [
            json!([txid(at(1), 0), 0]),
            json!([txid(at(3), 0), 0, false]),
            json!([txid(at(3), 0), 1]),
            json!([txid(tip, 1), 0]),
            json!([unknown, 0]),
            json!(["zz", 0]),
            json!([unknown, -1]),
        ] {
            calls.push(("gettxout", params));
        }
        for params in [
            json!([]),
            json!(["none"]),
            json!(["muhash"]),
            json!(["hash_serialized_3"]),
            json!(["hash_serialized_2"]),
            json!(["muhash", 5]),
        ] {
            calls.push(("gettxoutsetinfo", params));
        }
        for params in [
            json!([0]),
            json!([1]),
            json!([KINDS]),
            json!([KINDS + 1]),
            json!([hash(kinds)]),
            json!([KINDS, ["feerate_percentiles", "avgfee", "txs"]]),
            json!([KINDS, []]),
            json!([KINDS, ["nonsense"]]),
            json!([KINDS, [1]]),
            json!([-1]),
            json!([KINDS + 2]),
            json!([fork]),
            json!([header_only]),
            json!([unknown]),
            json!(["11"]),
        ] {
            calls.push(("getblockstats", params));
        }
        for params in [
            json!([]),
            json!([10]),
            json!([10, hash(kinds)]),
            json!([0]),
            json!([KINDS]),
            json!([KINDS + 1]),
            json!([-1]),
            json!([1, fork]),
            json!([1, unknown]),
            json!([null, genesis]),
        ] {
            calls.push(("getchaintxstats", params));
        }
        for params in [
            json!([]),
            json!([hash(at(1))]),
            json!([genesis]),
            json!([unknown]),
        ] {
            calls.push(("getdeploymentinfo", params));
        }
        for params in [
            json!(["start", ["raw(51)", { "desc": address(&witness_script()) }]]),
            json!(["start", [address(&kinds_at(0)), address(&kinds_at(4))]]),
            json!(["start", ["raw(6a)"]]),
            json!(["start", []]),
            json!(["start", ["raw(51)#8lvh9jxk"]]),
            json!(["start", ["raw(51)#8lvh9jxx"]]),
            json!(["start", ["raw(5)"]]),
            json!(["start", ["addr(x)"]]),
            json!(["start", ["nonsense(51)"]]),
            json!(["start", [{ "range": 1 }]]),
            json!(["start", [1]]),
            json!(["start"]),
            json!(["status"]),
            json!(["abort"]),
            json!(["nonsense"]),
        ] {
            calls.push(("scantxoutset", params));
        }
        for method in ["invalidateblock", "reconsiderblock", "preciousblock"] {
            calls.push((method, json!([unknown])));
            calls.push((method, json!(["11"])));
        }
        for params in [
            json!([unknown, 0]),
            json!([hash(tip), 0]),
            json!([header_only, "0"]),
        ] {
            calls.push(("getblockfrompeer", params));
        }
        calls.push(("generatetoaddress", json!([1, "nonsense"])));
        for descriptor in ["raw(5)", "nonsense(51)", "raw(51)#8lvh9jxx", "addr(x)"] {
            calls.push(("generatetodescriptor", json!([1, descriptor])));
        }
        for params in [
            json!(["nonsense", []]),
            json!(["raw(51)", [unknown]]),
            json!(["raw(51)", ["00"]]),
            json!(["raw(51)", [1]]),
        ] {
            calls.push(("generateblock", params));
        }
        for (level, blocks) in [(0, 6), (1, 6), (2, 6), (3, 6), (4, 6), (4, 0), (9, 1)] {
            calls.push(("verifychain", json!([level, blocks])));
        }
        calls.push(("verifychain", json!([])));
        calls
    }
}

fn kinds_at(n: usize) -> ScriptBuf {
    kinds()[n].clone()
}

#[tokio::test]
async fn answers_about_coins_are_those_of_core() {
    let recorded: Value = serde_json::from_str(include_str!("spending.json")).unwrap();
    let spending = Spending::new();
    let asked = spending.calls();
    let recorded = recorded.as_array().unwrap();
    assert_eq!(recorded.len(), asked.len());
    let node = spending.node();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (case, (method, params)) in recorded.iter().zip(asked) {
        assert_eq!(
            (&case["method"], &case["params"]),
            (&json!(method), &params)
        );
        let reply = connection.call(method, params.clone()).await;
        assert_eq!(
            (comparable(&reply["result"]), &reply["error"]),
            (comparable(&case["result"]), &case["error"]),
            "{method} {params}"
        );
    }
}
