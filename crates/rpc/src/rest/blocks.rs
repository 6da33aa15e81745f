//! Blocks, and what they spent.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bitcoin::consensus::encode::{Encodable as _, VarInt, deserialize};
use bitcoin::{Network, Transaction};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tipward_chain::{ChainView, HeaderId};
use tipward_consensus::ParsedBlock;
use tipward_primitives::{BlockHash, RawBlock};

use super::uri::{Format, integer, parameter};
use super::{ALL_FORMATS, Refusal, Reply, Request, body, bytes_reply, parse_hash, typed};
use crate::decode::{Detail, output_json, transaction_json};
use crate::error::RpcError;
use crate::json::amount;
use crate::methods::{block_members, damaged_block, header_json, read_stored_block};
use crate::{Backend, BlockUndo, CoinValue};

/// How a block looks in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// With transactions and what they spend.
    Whole,
    /// With the ids of transactions.
    Ids,
}

/// `/rest/block/<hash>` and `/rest/block/notxdetails/<hash>`.
pub(super) async fn block(request: Request<'_>, shape: Shape) -> Reply {
    let what = named(&request)?;
    let format = request.format;
    request
        .blocking(move |node| {
            let view = node.view();
            let (id, raw) = stored(node, &view, &what)?;
            match format {
                Format::Binary | Format::Hex => bytes_reply(raw.bytes().clone(), format),
                Format::Json => Some(block_json(node, &view, id, raw, shape)?),
                Format::Unknown => None,
            }
            .ok_or_else(|| Refusal::no_such_format(ALL_FORMATS))
        })
        .await
}

/// `/rest/blockpart/<hash>?offset=<offset>&size=<size>`: some bytes of a block.
pub(super) async fn part(request: Request<'_>) -> Reply {
    let number = |name| {
        parameter(request.query, name)
            .and_then(|text| integer::<usize>(&text))
            .ok_or_else(|| Refusal::bad_request(format!("Block part {name} missing or invalid")))
    };
    let (offset, size) = (number("offset")?, number("size")?);
    let what = named(&request)?;
    let format = request.format;
    request
        .blocking(move |node| {
            let (_, raw) = stored(node, &node.view(), &what)?;
            let end = offset.saturating_add(size);
            if size == 0 || end > raw.size() {
                return Err(Refusal::bad_request(format!(
                    "Bad block part offset/size {offset}/{size} for {}",
                    what.1
                )));
            }
            match format {
                Format::Binary | Format::Hex => bytes_reply(raw.bytes().slice(offset..end), format),
                Format::Json => {
                    return Err(Refusal::bad_request(
                        "JSON output is not supported for this request type",
                    ));
                }
                Format::Unknown => None,
            }
            .ok_or_else(|| Refusal::no_such_format(ALL_FORMATS))
        })
        .await
}

/// A block as the path names it.
type Named = (BlockHash, String);

fn named(request: &Request<'_>) -> Result<Named, Refusal> {
    Ok((parse_hash(&request.what)?, request.what.clone()))
}

fn stored(
    node: &dyn Backend,
    view: &ChainView,
    (hash, name): &Named,
) -> Result<(HeaderId, RawBlock), Refusal> {
    let id = view
        .find(hash)
        .ok_or_else(|| Refusal::not_found(format!("{name} not found")))?;
    if view.is_pruned(id) {
        return Err(Refusal::not_found(format!(
            "{name} not available (pruned data)"
        )));
    }
    if !view.is_stored(id) {
        return Err(Refusal::not_found(format!(
            "{name} not available (not fully downloaded)"
        )));
    }
    let raw = read_stored_block(node, hash).map_err(|error| {
        tracing::warn!(target: "rpc", %error, "a block cannot be read");
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("I/O error reading {name}"),
        )
    })?;
    Ok((id, raw))
}

fn block_json(
    node: &dyn Backend,
    view: &ChainView,
    id: HeaderId,
    raw: RawBlock,
    shape: Shape,
) -> Result<Response<Body>, Refusal> {
    let damaged = |error: &dyn std::fmt::Display| damaged_block(error.to_string());
    let block = ParsedBlock::parse(raw).map_err(|error| damaged(&error))?;
    let coinbase = block
        .transaction(0)
        .ok_or_else(|| damaged(&"it has no transactions"))?;
    let coinbase: Transaction = deserialize(coinbase.bytes()).map_err(|error| damaged(&error))?;
    let mut info = header_json(view, id);
    block_members(&mut info, &coinbase, block.stripped_size(), block.size());
    let mut head = Value::Object(info).to_string();
    // The transactions are the last member; they follow one by one.
    head.pop();
    head.push_str(",\"tx\":[");
    let body = match shape {
        Shape::Ids => {
            let ids: Vec<String> = block
                .transactions()
                .map(|tx| format!("\"{}\"", tx.txid()))
                .collect();
            Body::from(format!("{head}{}]}}\n", ids.join(",")))
        }
        Shape::Whole => {
            let hash = block.block_hash();
            let undo = node.read_undo(&hash).map_err(RpcError::from)?;
            let fits = |undo: &BlockUndo| undo.len() + 1 == block.transaction_count();
            if undo.as_ref().is_some_and(|undo| !fits(undo)) {
                return Err(damaged(&"the undo data is not that of the block").into());
            }
            body::of_pieces(Transactions {
                head: Some(head),
                network: view.params().network,
                next: 0,
                undo,
                block,
            })
        }
    };
    Ok(typed("application/json", body))
}

/// A block in JSON, transaction by transaction.
struct Transactions {
    /// What stands before the first one.
    head: Option<String>,
    network: Network,
    next: usize,
    undo: Option<BlockUndo>,
    block: ParsedBlock,
}

impl Iterator for Transactions {
    type Item = Result<Vec<u8>, RpcError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(head) = self.head.take() {
            return Some(Ok(head.into_bytes()));
        }
        let at = self.next;
        self.next += 1;
        match self.block.transaction(at) {
            Some(tx) => Some(self.transaction(at, tx.bytes())),
            None if at == self.block.transaction_count() => Some(Ok(b"]}\n".to_vec())),
            None => None,
        }
    }
}

impl Transactions {
    fn transaction(&self, at: usize, bytes: &[u8]) -> Result<Vec<u8>, RpcError> {
        let tx: Transaction =
            deserialize(bytes).map_err(|error| damaged_block(error.to_string()))?;
        let spent = at
            .checked_sub(1)
            .and_then(|at| self.undo.as_ref()?.get(at))
            .map(Vec::as_slice);
        let mut info = Map::new();
        transaction_json(&mut info, &tx, self.network, spent, Detail::Spent)?;
        Ok(listed(at, &Value::Object(info)))
    }
}

/// An element of a list, with the comma before it.
fn listed(at: usize, value: &Value) -> Vec<u8> {
    let comma = if at == 0 { "" } else { "," };
    format!("{comma}{value}").into_bytes()
}

/// `/rest/spenttxouts/<hash>`: for each transaction of a block, the outputs that it spends; none for the coinbase.
pub(super) async fn spent(request: Request<'_>) -> Reply {
    if request.what.contains('/') {
        return Err(Refusal::bad_request(
            "Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>",
        ));
    }
    let (hash, name) = named(&request)?;
    let format = request.format;
    request
        .blocking(move |node| {
            let view = node.view();
            let id = view
                .find(&hash)
                .ok_or_else(|| Refusal::not_found(format!("{name} not found")))?;
            let undo = match view.height(id) {
                0 => Vec::new(),
                _ => node
                    .read_undo(&hash)
                    .ok()
                    .flatten()
                    .ok_or_else(|| Refusal::not_found(format!("{name} undo not available")))?,
            };
            match format {
                Format::Binary | Format::Hex => bytes_reply(spent_bytes(&undo), format),
                Format::Json => {
                    let body = body::of_pieces(spent_json(undo, view.params().network));
                    Some(typed("application/json", body))
                }
                Format::Unknown => None,
            }
            .ok_or_else(|| Refusal::no_such_format(ALL_FORMATS))
        })
        .await
}

fn spent_bytes(undo: &BlockUndo) -> Bytes {
    fn put(bytes: &mut Vec<u8>, number: usize) {
        VarInt::from(number)
            .consensus_encode(bytes)
            .expect("memory takes all that is written");
    }
    let mut bytes = Vec::new();
    put(&mut bytes, undo.len() + 1);
    put(&mut bytes, 0);
    for coins in undo {
        put(&mut bytes, coins.len());
        for coin in coins {
            bytes.extend_from_slice(&coin.value.to_le_bytes());
            put(&mut bytes, coin.script.len());
            bytes.extend_from_slice(coin.script.as_bytes());
        }
    }
    bytes.into()
}

fn spent_json(
    undo: BlockUndo,
    network: Network,
) -> impl Iterator<Item = Result<Vec<u8>, RpcError>> + Send + Unpin {
    let coins = move |coins: Vec<CoinValue>| {
        let coins: Value = coins
            .iter()
            .map(|coin| {
                json!({
                    "value": amount(coin.value),
                    "scriptPubKey": output_json(&coin.script, network),
                })
            })
            .collect();
        listed(1, &coins)
    };
    std::iter::once(b"[[]".to_vec())
        .chain(undo.into_iter().map(coins))
        .chain([b"]\n".to_vec()])
        .map(Ok)
}
