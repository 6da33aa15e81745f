use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use tipward_primitives::BlockHash;

use crate::error::{RpcError, code};
use crate::json;
use crate::spec::{self, Method};
use crate::state::State;
use crate::{Answer, Backend};

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
            return Err(RpcError::new(
                code::TYPE_ERROR,
                spec::type_mismatch(json::type_name(value), "number"),
            ));
        };
        // Fractions and exponents are refused too, even those that make a whole number.
        match number.to_string().parse() {
            Ok(int) => Ok(Some(int)),
            Err(_) => Err(RpcError::misc("JSON integer out of range")),
        }
    }

    /// A whole number that must be given.
    pub(crate) fn required_int<T: FromStr>(&self, at: usize) -> Result<T, RpcError> {
        self.int(at)?
            .ok_or_else(|| RpcError::misc(self.method.help()))
    }

    /// A block hash that must be given; `name` is what Core calls it in its error texts.
    pub(crate) fn hash(&self, at: usize, name: &str) -> Result<BlockHash, RpcError> {
        parse_hash(self.required_text(at), name)
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

/// Reads a hash of 64 hexadecimal digits.
pub(crate) fn parse_hash(text: &str, name: &str) -> Result<BlockHash, RpcError> {
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

/// Boxes a method's future; the table holds plain function pointers.
pub(crate) fn later<F>(future: F) -> Answer<Result<Value, RpcError>>
where
    F: Future<Output = Result<Value, RpcError>> + Send + 'static,
{
    Box::pin(future)
}
