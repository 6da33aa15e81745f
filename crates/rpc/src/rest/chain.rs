//! Headers and the state of the chain.

use bitcoin::consensus::encode::serialize;
use bytes::Bytes;
use serde_json::{Value, json};

use super::uri::{Format, integer, parameter};
use super::{ALL_FORMATS, Refusal, Reply, Request, bytes_reply, json_reply, parse_hash, typed};
use crate::methods::header_json;

/// Headers of one reply.
const MAX_HEADERS: usize = 2000;
/// Headers of a reply unless told otherwise.
const DEFAULT_HEADERS: &str = "5";

/// `/rest/headers/<hash>?count=<count>`, or in the old way `/rest/headers/<count>/<hash>`: headers of the active chain.
pub(super) async fn headers(request: Request<'_>) -> Reply {
    let parts: Vec<&str> = request.what.split('/').collect();
    let (hash, count) = match parts[..] {
        [count, hash] => (hash, count.to_owned()),
        [hash] => {
            let count = parameter(request.query, "count");
            (hash, count.unwrap_or_else(|| DEFAULT_HEADERS.into()))
        }
        _ => {
            return Err(Refusal::bad_request(
                "Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>",
            ));
        }
    };
    let count = integer(&count)
        .filter(|count| (1..=MAX_HEADERS).contains(count))
        .ok_or_else(|| {
            Refusal::bad_request(format!(
                "Header count is invalid or out of acceptable range (1-{MAX_HEADERS}): {count}"
            ))
        })?;
    let hash = parse_hash(hash)?;
    let format = request.format;
    request
        .blocking(move |node| {
            let view = node.view();
            let first = view.find(&hash).filter(|id| view.is_active(*id));
            let headers = std::iter::successors(first, |id| view.next_active(*id)).take(count);
            match format {
                Format::Json => {
                    let mut text = vec![b'['];
                    for id in headers {
                        if text.len() > 1 {
                            text.push(b',');
                        }
                        let header = Value::Object(header_json(&view, id));
                        text.extend_from_slice(header.to_string().as_bytes());
                    }
                    text.extend_from_slice(b"]\n");
                    Ok(typed("application/json", text.into()))
                }
                Format::Binary | Format::Hex | Format::Unknown => {
                    let bytes: Vec<u8> =
                        headers.flat_map(|id| serialize(&view.header(id))).collect();
                    bytes_reply(bytes.into(), format)
                        .ok_or_else(|| Refusal::no_such_format(ALL_FORMATS))
                }
            }
        })
        .await
}

/// `/rest/blockhashbyheight/<height>`.
pub(super) fn hash_by_height(request: &Request<'_>) -> Reply {
    let text = &request.what;
    let height = integer::<i32>(text)
        .and_then(|height| u32::try_from(height).ok())
        .ok_or_else(|| Refusal::bad_request(format!("Invalid height: {}", sanitized(text))))?;
    let hash = request
        .node
        .view()
        .hash_at(height)
        .ok_or_else(|| Refusal::not_found("Block height out of range"))?;
    match request.format {
        Format::Binary => {
            let bytes = Bytes::from(serialize(&hash));
            Ok(typed("application/octet-stream", bytes.into()))
        }
        // As people write it: the last byte first.
        Format::Hex => Ok(typed("text/plain", format!("{hash}\n").into())),
        Format::Json => Ok(json_reply(json!({ "blockhash": hash.to_string() }))),
        Format::Unknown => Err(Refusal::no_such_format(ALL_FORMATS)),
    }
}

/// Without characters that have no place in a path.
fn sanitized(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || "!*'();:@&=+$,/?#[]-_.~%".contains(*c))
        .collect()
}

/// `/rest/chaininfo`: what `getblockchaininfo` answers.
pub(super) async fn info(request: Request<'_>) -> Reply {
    match request.format {
        Format::Json => Ok(json_reply(
            request.call("getblockchaininfo", Vec::new()).await?,
        )),
        _ => Err(Refusal::no_such_format("json")),
    }
}

/// `/rest/deploymentinfo[/<hash>]`: what `getdeploymentinfo` answers.
pub(super) async fn deployments(request: Request<'_>) -> Reply {
    if request.format != Format::Json {
        return Err(Refusal::no_such_format("json"));
    }
    let mut args = Vec::new();
    if !request.what.is_empty() {
        let hash = parse_hash(&request.what)?;
        if request.node.view().find(&hash).is_none() {
            return Err(Refusal::bad_request("Block not found"));
        }
        args.push(request.what.as_str().into());
    }
    Ok(json_reply(request.call("getdeploymentinfo", args).await?))
}
