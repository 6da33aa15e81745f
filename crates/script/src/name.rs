//! The name of the error that a refused script stopped at.
//!
//! libbitcoinkernel's public face says that a script is invalid and not why. The interpreter inside it knows, and it
//! is linked into the same binary, so `name.cpp` asks it. It reads the same bytes again, which costs what a verification
//! costs: this is for the one input that was refused, not for every input.
//!
//! # Correctness
//! The answer is words for people. Whether the input is valid was decided before, through the public face, and is not
//! asked again here: should the two ever differ, the block stays refused and the error is called unknown.

use std::ffi::{CStr, c_char};

use tipward_primitives::bitcoin::consensus::encode::{VarInt, serialize};

use crate::SpentOutput;

/// What Bitcoin Core calls an error that has no name.
pub const UNKNOWN: &str = "unknown error";

/// The error at which input `index` of the serialized transaction `raw` stops, in Bitcoin Core's words.
///
/// `spent` are the outputs that its inputs spend, in order. `flags` has the bits of Bitcoin Core's
/// `script_verify_flags`; rules of relay policy may be among them. `None` if there is no error to be named: the input
/// passes, or there is no such input, or the bytes cannot be read, or the flags contradict each other.
pub fn script_error(
    raw: &[u8],
    spent: &[SpentOutput<'_>],
    index: usize,
    flags: u64,
) -> Option<&'static str> {
    let mut outputs = serialize(&VarInt::from(spent.len()));
    for output in spent {
        outputs.extend(output.value.to_le_bytes());
        outputs.extend(serialize(&VarInt::from(output.script_pubkey.len())));
        outputs.extend(output.script_pubkey);
    }
    ask(raw, &outputs, index, flags)
}

#[allow(unsafe_code)]
fn ask(raw: &[u8], outputs: &[u8], index: usize, flags: u64) -> Option<&'static str> {
    unsafe extern "C" {
        fn tipward_script_error(
            tx: *const u8,
            tx_size: usize,
            spent: *const u8,
            spent_size: usize,
            input: usize,
            flags: u64,
        ) -> *const c_char;
    }
    // SAFETY: the two slices are valid for the lengths given, and are only read, during the call. The function catches
    // every C++ exception, keeps nothing, and may be called from any thread. What it returns is null or a string that
    // ends with a zero byte and lives as long as the program.
    let words = unsafe {
        let words = tipward_script_error(
            raw.as_ptr(),
            raw.len(),
            outputs.as_ptr(),
            outputs.len(),
            index,
            flags,
        );
        (!words.is_null()).then(|| CStr::from_ptr(words))
    };
    words?.to_str().ok()
}
