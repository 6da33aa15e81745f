use std::str::FromStr;
use std::sync::Arc;

use bitcoin::hex::FromHex as _;
use serde_json::{Number, Value};
use tipward_chain::{ChainView, HeaderId};
use tipward_primitives::{BlockHash, Height};

use crate::error::{RpcError, code};
use crate::json;
use crate::spec::{self, Method};
use crate::state::State;
use crate::{Answer, Backend};

/// What a method answers.
#[derive(Clone, Debug)]
pub enum Output {
    /// Its result.
    Value(Value),
    /// Its result as JSON, made once for several calls.
    Json(Arc<str>),
}

impl Output {
    /// Adds the result as JSON.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Value(value) => json::write(to, value),
            Self::Json(json) => to.extend_from_slice(json.as_bytes()),
        }
    }
}

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

/// What a method works on: the node, and arguments of the right number and JSON types.
#[derive(Clone)]
pub struct Call {
    pub(crate) method: &'static Method,
    pub(crate) node: Arc<dyn Backend>,
    pub(crate) state: Arc<State>,
    pub(crate) args: Vec<Value>,
}

impl Call {
    /// The argument at this position, unless it is absent or null.
    pub(crate) fn arg(&self, at: usize) -> Option<&Value> {
        self.args.get(at).filter(|value| !value.is_null())
    }

    /// A text, if given.
    pub(crate) fn text(&self, at: usize) -> Option<&str> {
        self.arg(at).and_then(Value::as_str)
    }

    /// A text that must be given (which was checked before the call began).
    pub(crate) fn required_text(&self, at: usize) -> &str {
        self.text(at).unwrap_or_default()
    }

    /// A truth value, if given.
    pub(crate) fn bool(&self, at: usize) -> Option<bool> {
        self.arg(at).and_then(Value::as_bool)
    }

    /// A whole number in the range of `T`, if given.
    pub(crate) fn int<T: FromStr>(&self, at: usize) -> Result<Option<T>, RpcError> {
        let Some(value) = self.arg(at) else {
            return Ok(None);
        };
        let Value::Number(number) = value else {
            return Err(wrong_type(value, "number"));
        };
        int_of(number).map(Some)
    }

    /// A whole number that must be given.
    pub(crate) fn required_int<T: FromStr>(&self, at: usize) -> Result<T, RpcError> {
        self.int(at)?
            .ok_or_else(|| RpcError::misc(self.method.help()))
    }

    /// A hash that must be given; `name` is what Core calls it in its error
    /// texts.
    pub(crate) fn hash<T: FromStr>(&self, at: usize, name: &str) -> Result<T, RpcError> {
        parse_hash(self.required_text(at), name)
    }

    /// A list, if given.
    pub(crate) fn array(&self, at: usize) -> Option<&[Value]> {
        self.arg(at).and_then(Value::as_array).map(Vec::as_slice)
    }

    /// The block with the height or the hash given: of the active chain, or of any branch.
    pub(crate) fn block_at(&self, at: usize, view: &ChainView) -> Result<HeaderId, RpcError> {
        match self.arg(at) {
            Some(Value::Number(_)) => {
                let height: i32 = self.required_int(at)?;
                let tip = view.tip_height();
                match Height::try_from(height) {
                    Err(_) => Err(RpcError::invalid_parameter(format!(
                        "Target block height {height} is negative"
                    ))),
                    Ok(height) => view.active_at(height).ok_or_else(|| {
                        RpcError::invalid_parameter(format!(
                            "Target block height {height} after current tip {tip}"
                        ))
                    }),
                }
            }
            Some(Value::String(text)) => find(view, &parse_hash(text, "hash_or_height")?),
            other => Err(wrong_type(other.unwrap_or(&Value::Null), "string")),
        }
    }

    /// Runs what reads the disk or builds a large answer on a thread made for that.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Backend) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || work(&*node))
            .await
            .unwrap_or_else(|error| {
                Err(RpcError::new(
                    code::INTERNAL_ERROR,
                    format!("the call failed: {error}"),
                ))
            })
    }
}

/// A whole number in the range of `T`. Fractions and exponents are refused too, even those that make a whole number.
pub(crate) fn int_of<T: FromStr>(number: &Number) -> Result<T, RpcError> {
    let int = number.to_string().parse();
    int.map_err(|_| RpcError::misc("JSON integer out of range"))
}

/// Reads bytes in hexadecimal, one at least.
pub(crate) fn parse_hex(text: &str, name: &str) -> Result<Vec<u8>, RpcError> {
    match Vec::<u8>::from_hex(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(RpcError::invalid_parameter(format!(
            "{name} must be hexadecimal string (not '{text}')"
        ))),
    }
}

/// Reads a hash of 64 hexadecimal digits.
pub(crate) fn parse_hash<T: FromStr>(text: &str, name: &str) -> Result<T, RpcError> {
    const DIGITS: usize = 64;
    if let Ok(hash) = text.parse() {
        return Ok(hash);
    }
    Err(RpcError::invalid_parameter(if text.len() == DIGITS {
        format!("{name} must be hexadecimal string (not '{text}')")
    } else {
        format!(
            "{name} must be of length {DIGITS} (not {}, for '{text}')",
            text.len()
        )
    }))
}

/// The header with this hash.
pub(crate) fn find(view: &ChainView, hash: &BlockHash) -> Result<HeaderId, RpcError> {
    view.find(hash)
        .ok_or_else(|| RpcError::new(code::INVALID_ADDRESS_OR_KEY, "Block not found"))
}

/// A value within an argument is of the wrong JSON type.
pub(crate) fn wrong_type(value: &Value, expected: &str) -> RpcError {
    RpcError::new(
        code::TYPE_ERROR,
        spec::type_mismatch(json::type_name(value), expected),
    )
}

/// Boxes a method's future; the table holds plain function pointers.
pub(crate) fn later<F>(future: F) -> Answer<Result<Output, RpcError>>
where
    F: Future<Output = Result<Value, RpcError>> + Send + 'static,
{
    Box::pin(async move { future.await.map(Output::from) })
}
