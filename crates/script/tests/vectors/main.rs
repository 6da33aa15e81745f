//! Bitcoin Core's published vectors, each judged through the face that the node uses.
//!
//! A vector may name rules of relay policy, which libbitcoinkernel's public face does not take. Such a vector is run
//! twice: through the interpreter's internal face with exactly its flags, where the error must be the one that the
//! vector names, and through the public face with those of its flags that are consensus rules.

#![allow(clippy::unwrap_used)]

mod asm;
mod flags;
mod script_tests;
mod sighash;
mod transactions;

use std::path::Path;

use serde_json::Value;
use tipward_primitives::bitcoin::hex::FromHex as _;

/// The vectors of `file` that are not comments; `None` if the test data is missing, which is a failure only when
/// `CI=true`.
fn vectors(file: &str) -> Option<Vec<Vec<Value>>> {
    let root = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        Into::into,
    );
    let path = root.join("vectors").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "test data is missing: {}",
            path.display()
        );
        eprintln!("skipped: {} is missing", path.display());
        return None;
    };
    let all: Vec<Vec<Value>> = serde_json::from_str(&text).unwrap();
    Some(all.into_iter().filter(|vector| vector.len() > 1).collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    Vec::from_hex(text(value)).unwrap()
}
