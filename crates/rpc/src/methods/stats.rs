//! Figures of the chain and of its blocks.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tipward_consensus::connect::{is_bip30_repeat, subsidy};
use tipward_primitives::BlockHash;

use super::block_stats::{self, Block};
use super::blocks;
use crate::call::{Call, find, later, wrong_type};
use crate::error::RpcError;
use crate::json::float;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getchaintxstats",
        category: Category::Blockchain,
        about: "How many transactions the active chain has, and how fast they come.",
        args: &[
            Arg {
                names: &["nblocks"],
                kind: Kind::Number,
                presence: Presence::Optional("one month of blocks"),
                about: "Blocks in the window.",
            },
            Arg {
                names: &["blockhash"],
                kind: Kind::Hex,
                presence: Presence::Optional("the tip"),
                about: "Hash of the block that ends the window.",
            },
        ],
        result: r#"{
  "time": n,                            (numeric) time of the last block, in seconds since the Unix epoch
  "txcount": n,                         (numeric) transactions in the chain up to it
  "window_final_block_hash": "hex",     (string) its hash
  "window_final_block_height": n,       (numeric) its height
  "window_block_count": n,              (numeric) blocks in the window
  "window_interval": n,                 (numeric, if there are any) seconds that the window takes
  "window_tx_count": n,                 (numeric, if there are any) transactions in it
  "txrate": n                           (numeric, if it takes any time) transactions a second
}"#,
        examples: &[&[], &["2016"]],
        run: |call| later(getchaintxstats(call)),
    },
    Method {
        name: "getblockstats",
        category: Category::Blockchain,
        about: "Figures of a block; all amounts in satoshis.",
        args: &[
            Arg {
                names: &["hash_or_height"],
                kind: Kind::NumberOrText,
                presence: Presence::Required,
                about: "Hash of a block that is or was part of the active chain, or a height of the active chain.",
            },
            Arg {
                names: &["stats"],
                kind: Kind::Array,
                presence: Presence::Optional("all"),
                about: "Names of the figures wanted.",
            },
        ],
        result: r#"{
  "avgfee": n,                  (numeric) average fee; this and the next count no coinbase
  "avgfeerate": n,              (numeric) average fee a virtual byte
  "avgtxsize": n,               (numeric) average size of a transaction
  "blockhash": "hex",           (string) hash of the block
  "feerate_percentiles": [n, n, n, n, n],    (array) fee a virtual byte at 10, 25, 50, 75 and 90 percent of the weight
  "height": n,                  (numeric) height of the block
  "ins": n,                     (numeric) inputs
  "maxfee": n,                  (numeric) highest fee
  "maxfeerate": n,              (numeric) highest fee a virtual byte
  "maxtxsize": n,               (numeric) size of the largest transaction
  "medianfee": n,               (numeric) median of the fees
  "mediantime": n,              (numeric) median time past
  "mediantxsize": n,            (numeric) median of the sizes
  "minfee": n,                  (numeric) lowest fee
  "minfeerate": n,              (numeric) lowest fee a virtual byte
  "mintxsize": n,               (numeric) size of the smallest transaction
  "outs": n,                    (numeric) outputs, those of the coinbase too
  "subsidy": n,                 (numeric) what the block may make out of nothing
  "swtotal_size": n,            (numeric) size of all transactions with a witness
  "swtotal_weight": n,          (numeric) their weight
  "swtxs": n,                   (numeric) their number
  "time": n,                    (numeric) the block's time, in seconds since the Unix epoch
  "total_out": n,               (numeric) sum of all outputs
  "total_size": n,              (numeric) size of all transactions
  "total_weight": n,            (numeric) weight of all transactions
  "totalfee": n,                (numeric) sum of all fees
  "txs": n,                     (numeric) transactions, the coinbase too
  "utxo_increase": n,           (numeric) outputs less inputs
  "utxo_size_inc": n,           (numeric) the same in bytes of the coin set
  "utxo_increase_actual": n,    (numeric) the same, without outputs that nobody can spend
  "utxo_size_inc_actual": n     (numeric) the same in bytes of the coin set
}"#,
        examples: &[
            &["1000", "[\"minfeerate\",\"avgfeerate\"]"],
            &["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"],
        ],
        run: |call| later(getblockstats(call)),
    },
];

async fn getchaintxstats(call: Call) -> Result<Value, RpcError> {
    const MONTH: u32 = 30 * 24 * 60 * 60;
    let view = call.node.view();
    let last = match call.text(1) {
        None => view.tip(),
        Some(_) => {
            let hash: BlockHash = call.hash(1, "blockhash")?;
            let id = find(&view, &hash)?;
            if !view.is_active(id) {
                return Err(RpcError::invalid_parameter("Block is not in main chain"));
            }
            id
        }
    };
    let height = view.height(last);
    let count = match call.int::<i32>(0)? {
        None => (MONTH / view.params().pow_target_spacing).min(height.saturating_sub(1)),
        Some(count) => u32::try_from(count)
            .ok()
            .filter(|count| *count == 0 || *count < height)
            .ok_or_else(|| {
                RpcError::invalid_parameter(
                    "Invalid block count: should be between 0 and the block's height - 1",
                )
            })?,
    };
    let first = view.tree().ancestor(last, height - count).unwrap_or(last);
    let interval = i64::from(view.median_time_past(last)) - i64::from(view.median_time_past(first));
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    put("time", view.entry(last).time().into());
    let transactions = view.chain_transactions(last);
    if let Some(transactions) = transactions {
        put("txcount", transactions.into());
    }
    put(
        "window_final_block_hash",
        view.hash(last).to_string().into(),
    );
    put("window_final_block_height", height.into());
    put("window_block_count", count.into());
    if count > 0 {
        put("window_interval", interval.into());
        if let Some((after, before)) = transactions.zip(view.chain_transactions(first)) {
            put("window_tx_count", (after - before).into());
            if interval > 0 {
                put("txrate", float((after - before) as f64 / interval as f64));
            }
        }
    }
    Ok(Value::Object(info))
}

async fn getblockstats(call: Call) -> Result<Value, RpcError> {
    let view = call.node.view();
    let id = call.block_at(0, &view)?;
    let wanted = call
        .array(1)
        .unwrap_or_default()
        .iter()
        .map(|name| {
            name.as_str()
                .map(str::to_owned)
                .ok_or_else(|| wrong_type(name, "string"))
        })
        .collect::<Result<BTreeSet<String>, _>>()?;
    blocks::check_stored(&view, id)?;
    call.blocking(move |node| {
        let (hash, height) = (view.hash(id), view.height(id));
        let block = blocks::decode(&blocks::read(node, &hash)?)?;
        let undo = match height {
            0 => Vec::new(),
            _ => blocks::read_undo(node, &hash, &block)?
                .ok_or_else(|| RpcError::misc("Undo data not available"))?,
        };
        let all = block_stats::compute(&Block {
            block: &block,
            undo: &undo,
            hash,
            height,
            median_time: view.median_time_past(id),
            subsidy: subsidy(view.params(), height),
            // Their outputs are no coins: the genesis block's by custom, the others' because they overwrite coins.
            makes_no_coins: height == 0 || is_bip30_repeat(height, &hash),
        })?;
        if wanted.is_empty() {
            return Ok(Value::Object(all));
        }
        let chosen = wanted.into_iter().map(|name| match all.get(&name) {
            Some(value) => Ok((name, value.clone())),
            None => Err(RpcError::invalid_parameter(format!(
                "Invalid selected statistic '{name}'"
            ))),
        });
        Ok(Value::Object(chosen.collect::<Result<_, _>>()?))
    })
    .await
}
