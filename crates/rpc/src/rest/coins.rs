//! Unspent outputs, and the memory pool.

use bitcoin::consensus::encode::{Decodable as _, Encodable as _, VarInt, serialize};
use bitcoin::hex::FromHex as _;
use bitcoin::{Network, OutPoint};
use serde_json::{Value, json};

use super::uri::{Format, integer, parameter};
use super::{ALL_FORMATS, Refusal, Reply, Request, bytes_reply, json_reply};
use crate::decode::output_json;
use crate::error::RpcError;
use crate::json::amount;
use crate::{CoinValue, TipRef};

/// Outputs that can be asked for at once.
const MAX_OUTPOINTS: usize = 15;
/// How often is asked anew because the tip has moved between two outputs.
const MAX_TRIES: usize = 10;

/// `/rest/getutxos[/checkmempool]/<txid>-<n>/...`, or with a body in the format of BIP64: which outputs are unspent. There
/// is no memory pool to check.
pub(super) async fn unspent(request: Request<'_>) -> Reply {
    let in_path = in_path(&request.what)?;
    if request.body.is_empty() && in_path.is_none() {
        return Err(empty());
    }
    let outpoints = match (request.format, in_path) {
        (Format::Unknown, _) => return Err(Refusal::no_such_format(ALL_FORMATS)),
        (Format::Json, None) => return Err(empty()),
        (Format::Json, Some(outpoints)) => outpoints,
        (Format::Binary | Format::Hex, Some(_)) if !request.body.is_empty() => {
            return Err(Refusal::bad_request(
                "Combination of URI scheme inputs and raw post data is not allowed",
            ));
        }
        (Format::Binary | Format::Hex, Some(outpoints)) => outpoints,
        (Format::Binary, None) => in_body(&request.body)?,
        (Format::Hex, None) => {
            let text = request.body.trim_ascii();
            let text = std::str::from_utf8(text).map_err(|_| malformed())?;
            in_body(&Vec::<u8>::from_hex(text).map_err(|_| malformed())?)?
        }
    };
    if outpoints.len() > MAX_OUTPOINTS {
        return Err(Refusal::bad_request(format!(
            "Error: max outpoints exceeded (max: {MAX_OUTPOINTS}, tried: {})",
            outpoints.len()
        )));
    }
    let (tip, coins) = look_up(&request, &outpoints).await?;
    match request.format {
        Format::Json => {
            let network = request.node.view().params().network;
            Ok(json_reply(coins_json(tip, &coins, network)))
        }
        format => bytes_reply(coins_bytes(tip, &coins).into(), format)
            .ok_or_else(|| Refusal::no_such_format(ALL_FORMATS)),
    }
}

fn malformed() -> Refusal {
    Refusal::bad_request("Parse error")
}

fn empty() -> Refusal {
    Refusal::bad_request("Error: empty request")
}

/// The outputs that the path names, if it names any.
fn in_path(path: &str) -> Result<Option<Vec<OutPoint>>, Refusal> {
    let Some(path) = path.get(1..).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let path = match path.strip_prefix("checkmempool") {
        Some("") => return Err(empty()),
        Some(rest) => rest.strip_prefix('/').unwrap_or(path),
        None => path,
    };
    let outpoint = |part: &str| {
        let (txid, vout) = part.split_once('-')?;
        Some(OutPoint {
            txid: txid.parse().ok()?,
            vout: integer(vout)?,
        })
    };
    let outpoints: Option<Vec<OutPoint>> = path.split('/').map(outpoint).collect();
    outpoints.map(Some).ok_or_else(malformed)
}

/// The outputs that a body names, behind a byte that says whether to check the memory pool.
fn in_body(body: &[u8]) -> Result<Vec<OutPoint>, Refusal> {
    let mut rest = body;
    let mut read = || {
        u8::consensus_decode(&mut rest)?;
        let count = VarInt::consensus_decode(&mut rest)?.0;
        // Not more than the body can hold; whether it is too many is said later.
        (0..count)
            .map(|_| OutPoint::consensus_decode(&mut rest))
            .collect::<Result<Vec<_>, _>>()
    };
    read().map_err(|_| malformed())
}

/// The coins of all outputs at one tip.
async fn look_up(
    request: &Request<'_>,
    outpoints: &[OutPoint],
) -> Result<(TipRef, Vec<Option<CoinValue>>), Refusal> {
    for _ in 0..MAX_TRIES {
        let mut tips = Vec::new();
        let mut coins = Vec::new();
        for outpoint in outpoints {
            let (tip, coin) = request.node.coin(*outpoint).await.map_err(RpcError::from)?;
            tips.push(tip);
            coins.push(coin);
        }
        tips.dedup();
        match tips[..] {
            [tip] => return Ok((tip, coins)),
            [] => {
                let tip = *request.node.tip().borrow();
                return Ok((tip, coins));
            }
            _ => {}
        }
    }
    Err(RpcError::misc("the chain moves too fast").into())
}

/// As BIP64 has it.
fn coins_bytes(tip: TipRef, coins: &[Option<CoinValue>]) -> Vec<u8> {
    let mut bitmap = vec![0_u8; coins.len().div_ceil(8)];
    for (at, _) in found(coins) {
        bitmap[at / 8] |= 1 << (at % 8);
    }
    let mut bytes = tip.height.to_le_bytes().to_vec();
    bytes.extend(serialize(&tip.hash));
    let size = |bytes: &mut Vec<u8>, size: usize| {
        VarInt::from(size)
            .consensus_encode(bytes)
            .expect("memory takes all that is written");
    };
    size(&mut bytes, bitmap.len());
    bytes.extend(bitmap);
    size(&mut bytes, found(coins).count());
    for (_, coin) in found(coins) {
        // Once the transaction's version.
        bytes.extend([0; 4]);
        bytes.extend(coin.height.to_le_bytes());
        bytes.extend(coin.value.to_le_bytes());
        size(&mut bytes, coin.script.len());
        bytes.extend(coin.script.as_bytes());
    }
    bytes
}

fn coins_json(tip: TipRef, coins: &[Option<CoinValue>], network: Network) -> Value {
    let bitmap: String = coins
        .iter()
        .map(|coin| if coin.is_some() { '1' } else { '0' })
        .collect();
    let utxos: Vec<Value> = found(coins)
        .map(|(_, coin)| {
            json!({
                "height": coin.height,
                "value": amount(coin.value),
                "scriptPubKey": output_json(&coin.script, network),
            })
        })
        .collect();
    json!({
        "chainHeight": tip.height,
        "chaintipHash": tip.hash.to_string(),
        "bitmap": bitmap,
        "utxos": utxos,
    })
}

/// The coins that there are, with their places.
fn found(coins: &[Option<CoinValue>]) -> impl Iterator<Item = (usize, &CoinValue)> {
    let coins = coins.iter().enumerate();
    coins.filter_map(|(at, coin)| Some((at, coin.as_ref()?)))
}

/// `/rest/mempool/info` and `/rest/mempool/contents`: what `getmempoolinfo` and `getrawmempool` answer.
pub(super) async fn mempool(request: Request<'_>) -> Reply {
    let method = match request.what.as_str() {
        "info" => "getmempoolinfo",
        "contents" => "getrawmempool",
        _ => {
            return Err(Refusal::bad_request(
                "Invalid URI format. Expected /rest/mempool/<info|contents>.json",
            ));
        }
    };
    if request.format != Format::Json {
        return Err(Refusal::no_such_format("json"));
    }
    let mut args = Vec::new();
    if request.what == "contents" {
        let verbose = switch(&request, "verbose", true)?;
        let sequence = switch(&request, "mempool_sequence", false)?;
        if verbose && sequence {
            return Err(Refusal::bad_request(
                "Verbose results cannot contain mempool sequence values. (hint: set \"verbose=false\")",
            ));
        }
        args = vec![verbose.into(), sequence.into()];
    }
    Ok(json_reply(request.call(method, args).await?))
}

fn switch(request: &Request<'_>, name: &str, default: bool) -> Result<bool, Refusal> {
    match parameter(request.query, name).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(Refusal::bad_request(format!(
            "The \"{name}\" query parameter must be either \"true\" or \"false\"."
        ))),
    }
}
