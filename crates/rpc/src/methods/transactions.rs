//! Single transactions.

use bitcoin::consensus::encode::serialize;
use serde_json::{Map, Value};
use tipward_primitives::bitcoin::Txid;

use super::blocks;
use crate::call::{Call, later, parse_hash};
use crate::decode::{Detail, Format, decode_transaction, transaction_json};
use crate::error::{RpcError, code};
use crate::json::hex;
use crate::spec::{Arg, Category, Kind, Method, Presence};

const TRANSACTION: &str = r#"{
  "in_active_chain": b,    (boolean) the block is part of the active chain
  "txid": "hex",           (string) id
  "hash": "hex",           (string) hash with witness
  "version": n,            (numeric) version
  "size": n,               (numeric) bytes
  "vsize": n,              (numeric) virtual size (BIP141): a quarter of the weight, rounded up
  "weight": n,             (numeric) weight (BIP141)
  "locktime": n,           (numeric) lock time
  "vin": [
    {
      "coinbase": "hex",             (string, of a coinbase instead of the next three) the script
      "txid": "hex",                 (string) id of the transaction whose output is spent
      "vout": n,                     (numeric) number of the output
      "scriptSig": {
        "asm": "text",               (string) the script, disassembled
        "hex": "hex"                 (string) the script
      },
      "txinwitness": ["hex", ...],   (array, if there is a witness) its items
      "prevout": {                   (object, for verbosity 2, if the coins are known) what is spent
        "generated": b,              (boolean) a coinbase made it
        "height": n,                 (numeric) height of the block that made it
        "value": n,                  (numeric) in BTC
        "scriptPubKey": {...}
      },
      "sequence": n                  (numeric) sequence number
    }, ...
  ],
  "vout": [
    {
      "value": n,                    (numeric) in BTC
      "n": n,                        (numeric) number of the output
      "scriptPubKey": {
        "asm": "text",               (string) the script, disassembled
        "desc": "text",              (string) a descriptor of it
        "hex": "hex",                (string) the script
        "address": "text",           (string, if there is one) the address
        "type": "text"               (string) the kind of script
      }
    }, ...
  ],
  "fee": n,                (numeric, for verbosity 2, if the coins are known) fee in BTC
  "hex": "hex",            (string) the transaction
  "blockhash": "hex",      (string) the block
  "confirmations": n,      (numeric) blocks of the active chain from it to the tip; 0 if it is not part of it
  "time": n,               (numeric, if it is) the block's time, in seconds since the Unix epoch
  "blocktime": n           (numeric, if it is) the same
}
or, for verbosity 0:
"hex"    (string) the transaction"#;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getrawtransaction",
        category: Category::RawTransactions,
        about: "A transaction of a named block. There is neither a memory pool nor an index of all transactions, so that \
                without the block's hash none is found.",
        args: &[
            Arg {
                names: &["txid"],
                kind: Kind::Hex,
                presence: Presence::Required,
                about: "Id of the transaction.",
            },
            Arg {
                names: &["verbosity", "verbose"],
                kind: Kind::NumberOrBool,
                presence: Presence::Default("0"),
                about: "0 for the bytes in hexadecimal, 1 for an object, 2 for one with the fee and the outputs that are \
                        spent.",
            },
            Arg {
                names: &["blockhash"],
                kind: Kind::Hex,
                presence: Presence::Optional("none is found"),
                about: "Hash of the block that holds it.",
            },
        ],
        result: TRANSACTION,
        examples: &[&[
            "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
            "1",
            "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
        ]],
        run: |call| later(getrawtransaction(call)),
    },
    Method {
        name: "decoderawtransaction",
        category: Category::RawTransactions,
        about: "Shows what the bytes of a transaction say.",
        args: &[
            Arg {
                names: &["hexstring"],
                kind: Kind::Hex,
                presence: Presence::Required,
                about: "The transaction.",
            },
            Arg {
                names: &["iswitness"],
                kind: Kind::Bool,
                presence: Presence::Optional("as the bytes tell"),
                about: "true to read it in the format with witnesses only, false in the one without; else whichever makes \
                        sense.",
            },
        ],
        result: "{ ... }    (object) as getrawtransaction with verbosity 1, without \"hex\" and what is said of the block",
        examples: &[],
        run: |call| later(decoderawtransaction(call)),
    },
];

async fn getrawtransaction(call: Call) -> Result<Value, RpcError> {
    let txid: Txid = call.hash(0, "parameter 1")?;
    let view = call.node.view();
    let absent = |message: &str| RpcError::new(code::INVALID_ADDRESS_OR_KEY, message);
    if *txid.as_raw_hash() == *view.params().genesis.header.merkle_root.as_raw_hash() {
        return Err(absent(
            "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved",
        ));
    }
    let verbosity = blocks::verbosity(&call, 1, 0)?;
    let Some(text) = call.text(2) else {
        return Err(absent(
            "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. \
             Use gettransaction for wallet transactions.",
        ));
    };
    let hash = parse_hash(text, "parameter 3")?;
    let id = view
        .find(&hash)
        .ok_or_else(|| absent("Block hash not found"))?;
    if !view.is_stored(id) {
        return Err(RpcError::misc("Block not available"));
    }
    call.blocking(move |node| {
        let block = blocks::decode(&blocks::read(node, &hash)?)?;
        let found = block.txdata.iter().position(|tx| tx.compute_txid() == txid);
        let Some(at) = found else {
            return Err(absent(
                "No such transaction found in the provided block. Use gettransaction for wallet transactions.",
            ));
        };
        let tx = &block.txdata[at];
        if verbosity <= 0 {
            return Ok(hex(&serialize(tx)));
        }
        let undo = match at.checked_sub(1) {
            Some(spender) if verbosity >= 2 => blocks::read_undo(node, &hash, &block)?
                .and_then(|undo| undo.into_iter().nth(spender)),
            _ => None,
        };
        let mut info = Map::new();
        info.insert("in_active_chain".into(), view.is_active(id).into());
        transaction_json(
            &mut info,
            tx,
            view.params().network,
            undo.as_deref(),
            Detail::Spent,
        )?;
        let mut put = |name: &str, value: Value| info.insert(name.into(), value);
        put("blockhash", hash.to_string().into());
        if view.is_active(id) {
            put("confirmations", view.confirmations(id).into());
            put("time", view.entry(id).time().into());
            put("blocktime", view.entry(id).time().into());
        } else {
            put("confirmations", 0.into());
        }
        Ok(Value::Object(info))
    })
    .await
}

async fn decoderawtransaction(call: Call) -> Result<Value, RpcError> {
    let text = call.required_text(0).to_owned();
    let format = match call.bool(1) {
        None => Format::Either,
        Some(true) => Format::Extended,
        Some(false) => Format::Legacy,
    };
    call.blocking(move |node| {
        let tx = decode_transaction(&text, format)
            .ok_or_else(|| RpcError::new(code::DESERIALIZATION_ERROR, "TX decode failed"))?;
        let mut info = Map::new();
        let network = node.view().params().network;
        transaction_json(&mut info, &tx, network, None, Detail::Plain)?;
        info.shift_remove("hex");
        Ok(Value::Object(info))
    })
    .await
}
