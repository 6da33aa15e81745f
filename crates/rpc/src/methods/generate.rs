//! Blocks made on the spot, on regtest.

mod template;

use bitcoin::consensus::encode::serialize;
use bitcoin::{ScriptBuf, Transaction, Txid};
use serde_json::{Map, Value};
use tipward_primitives::{Network, RawBlock};

use crate::call::{Call, later, wrong_type};
use crate::decode::{Format, decode_transaction, descriptor, script_of_address};
use crate::error::{RpcError, code};
use crate::json::hex;
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::{SubmitBlockOutcome, SubmitError};
pub(super) use template::time_on_tip;
use template::{Template, mine};

/// Nonces that are tried if the caller does not say how many.
const MAX_TRIES: u64 = 1_000_000;

const TRIES: Arg = Arg {
    names: &["maxtries"],
    kind: Kind::Number,
    presence: Presence::Default("1000000"),
    about: "Nonces to try, for all blocks together.",
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "generatetoaddress",
        category: Category::Hidden,
        about: "Makes blocks that pay to an address. On regtest only.",
        args: &[
            Arg {
                names: &["nblocks"],
                kind: Kind::Number,
                presence: Presence::Required,
                about: "How many.",
            },
            Arg {
                names: &["address"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The address.",
            },
            TRIES,
        ],
        result: "[\"hex\", ...]    (array) hashes of the blocks",
        examples: &[&["11", "bcrt1pfeesnyr2tx"]],
        run: |call| later(generatetoaddress(call)),
    },
    Method {
        name: "generatetodescriptor",
        category: Category::Hidden,
        about: "Makes blocks that pay to the script of a descriptor. On regtest only.",
        args: &[
            Arg {
                names: &["num_blocks"],
                kind: Kind::Number,
                presence: Presence::Required,
                about: "How many.",
            },
            Arg {
                names: &["descriptor"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "raw(HEX) or addr(ADDRESS), with or without checksum.",
            },
            TRIES,
        ],
        result: "[\"hex\", ...]    (array) hashes of the blocks",
        examples: &[&["11", "raw(51)"]],
        run: |call| later(generatetodescriptor(call)),
    },
    Method {
        name: "generateblock",
        category: Category::Hidden,
        about: "Makes one block of given transactions, whose fees nobody gets. On regtest only.",
        args: &[
            Arg {
                names: &["output"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "Address or descriptor, raw(HEX) or addr(ADDRESS), that the block pays to.",
            },
            Arg {
                names: &["transactions"],
                kind: Kind::Array,
                presence: Presence::Required,
                about: "The transactions in hexadecimal, in their order.",
            },
            Arg {
                names: &["submit"],
                kind: Kind::Bool,
                presence: Presence::Default("true"),
                about: "false to answer the block instead of taking it.",
            },
        ],
        result: r#"{
  "hash": "hex",    (string) hash of the block
  "hex": "hex"      (string, if not submitted) the block
}"#,
        examples: &[&["raw(51)", "[]"]],
        run: |call| later(generateblock(call)),
    },
];

/// Making blocks is for tests: elsewhere nobody would meet the target.
fn on_regtest(call: &Call) -> Result<(), RpcError> {
    let refusal = format!(
        "{} is for regression testing (-regtest mode) only",
        call.method.name
    );
    super::on_regtest(call, &refusal)
}

async fn generatetoaddress(call: Call) -> Result<Value, RpcError> {
    on_regtest(&call)?;
    let count: i32 = call.required_int(0)?;
    let tries: i32 = call.int(2)?.unwrap_or(MAX_TRIES as i32);
    let script = script_of_address(call.required_text(1), Network::Regtest)
        .map_err(|_| RpcError::new(code::INVALID_ADDRESS_OR_KEY, "Error: Invalid address"))?;
    // A negative number of tries is, as in Core, more than anybody needs.
    generate(&call, count, script, i64::from(tries).cast_unsigned()).await
}

async fn generatetodescriptor(call: Call) -> Result<Value, RpcError> {
    on_regtest(&call)?;
    let count: i32 = call.required_int(0)?;
    let tries: u64 = call.int(2)?.unwrap_or(MAX_TRIES);
    let script = descriptor::parse(call.required_text(1), Network::Regtest)
        .map_err(|error| RpcError::new(code::INVALID_ADDRESS_OR_KEY, error))?;
    generate(&call, count, script, tries).await
}

async fn generate(
    call: &Call,
    count: i32,
    script: ScriptBuf,
    mut tries: u64,
) -> Result<Value, RpcError> {
    let mut hashes = Vec::new();
    for _ in 0..count {
        if call.state.is_stopping() {
            break;
        }
        let template = Template::on_tip(&call.node.view(), call.node.now());
        let block = template.block(&script, Vec::new());
        let (block, left) = call.blocking(move |_| Ok(mine(block, tries))).await?;
        tries = left;
        let Some(block) = block else { break };
        let hash = block.block_hash();
        submit(call, raw(&block)).await?;
        hashes.push(Value::from(hash.to_string()));
    }
    Ok(hashes.into())
}

async fn generateblock(call: Call) -> Result<Value, RpcError> {
    on_regtest(&call)?;
    let output = call.required_text(0);
    let script = descriptor::parse(output, Network::Regtest)
        .ok()
        .or_else(|| script_of_address(output, Network::Regtest).ok())
        .ok_or_else(|| {
            RpcError::new(
                code::INVALID_ADDRESS_OR_KEY,
                "Error: Invalid address or descriptor",
            )
        })?;
    let transactions = call
        .array(1)
        .unwrap_or_default()
        .iter()
        .map(transaction)
        .collect::<Result<Vec<_>, _>>()?;
    let template = Template::on_tip(&call.node.view(), call.node.now());
    let block = template.block(&script, transactions);
    let (block, _) = call.blocking(move |_| Ok(mine(block, MAX_TRIES))).await?;
    let block = block.ok_or_else(|| RpcError::misc("Failed to make block."))?;
    let raw = raw(&block);
    match call.node.test_block(raw.clone()).await {
        Ok(()) => {}
        Err(SubmitError::Refused(reject)) => {
            return Err(RpcError::new(
                code::VERIFY_ERROR,
                format!("TestBlockValidity failed: {reject}"),
            ));
        }
        Err(SubmitError::Failed(fault)) => return Err(fault.into()),
    }
    let mut info = Map::new();
    info.insert("hash".into(), block.block_hash().to_string().into());
    if call.bool(2) == Some(false) {
        info.insert("hex".into(), hex(raw.bytes()));
    } else {
        submit(&call, raw).await?;
    }
    Ok(Value::Object(info))
}

/// A transaction given to `generateblock`. Ids of transactions in the memory pool are understood, but there is none.
fn transaction(given: &Value) -> Result<Transaction, RpcError> {
    let text = given.as_str().ok_or_else(|| wrong_type(given, "string"))?;
    if text.parse::<Txid>().is_ok() {
        return Err(RpcError::new(
            code::INVALID_ADDRESS_OR_KEY,
            format!("Transaction {text} not in mempool."),
        ));
    }
    decode_transaction(text, Format::Extended).ok_or_else(|| {
        RpcError::new(
            code::DESERIALIZATION_ERROR,
            format!(
                "Transaction decode failed for {text}. Make sure the tx has at least one input."
            ),
        )
    })
}

fn raw(block: &bitcoin::Block) -> RawBlock {
    RawBlock::new(serialize(block).into()).expect("a serialized block begins with its header")
}

async fn submit(call: &Call, block: RawBlock) -> Result<(), RpcError> {
    let refused = |why: &str| {
        RpcError::new(
            code::INTERNAL_ERROR,
            format!("ProcessNewBlock, block not accepted: {why}"),
        )
    };
    match call.node.submit_block(block).await {
        // Another block of the same height may have been faster.
        SubmitBlockOutcome::Accepted
        | SubmitBlockOutcome::Duplicate
        | SubmitBlockOutcome::Inconclusive => Ok(()),
        SubmitBlockOutcome::Refused(reject) => Err(refused(&reject.to_string())),
        SubmitBlockOutcome::Failed(fault) => Err(refused(&fault.what)),
    }
}
