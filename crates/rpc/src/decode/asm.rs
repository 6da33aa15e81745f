//! A script as text, one word for each operation.

use bitcoin::hex::DisplayHex as _;
use tipward_consensus::is_unspendable;

#[cfg(test)]
mod tests;

/// One operation of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op<'a> {
    /// Data put on the stack by opcode 0 to `OP_PUSHDATA4`, and that opcode.
    Push(u8, &'a [u8]),
    /// Any other opcode.
    Code(u8),
    /// The script ends within a push.
    Cut,
}

/// Goes over the operations of a script, up to the one that is cut off.
pub(super) fn operations(script: &[u8]) -> impl Iterator<Item = Op<'_>> {
    let mut rest = script;
    std::iter::from_fn(move || {
        let (&code, after) = rest.split_first()?;
        let size_bytes = match code {
            0..0x4c => 0,
            0x4c => 1,
            0x4d => 2,
            0x4e => 4,
            _ => {
                rest = after;
                return Some(Op::Code(code));
            }
        };
        let pushed = after
            .split_at_checked(size_bytes)
            .and_then(|(size, after)| {
                let size = size.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
                after.split_at_checked(if size_bytes == 0 { code.into() } else { size })
            });
        Some(match pushed {
            Some((data, after)) => {
                rest = after;
                Op::Push(code, data)
            }
            None => {
                rest = &[];
                Op::Cut
            }
        })
    })
}

/// The script as text. `signatures` says to show the signature hash type by name where data looks like a signature, as
/// in the scripts of inputs.
pub(super) fn asm(script: &[u8], signatures: bool) -> String {
    // Data after OP_RETURN is no signature, whatever it looks like.
    let signatures = signatures && !is_unspendable(script);
    let words: Vec<String> = operations(script)
        .map(|op| match op {
            Op::Push(_, data) if data.len() <= 4 => number(data).to_string(),
            Op::Push(_, data) => match hash_type(data).filter(|_| signatures) {
                Some(name) => {
                    let signature = &data[..data.len() - 1];
                    format!("{}[{name}]", signature.to_lower_hex_string())
                }
                None => data.to_lower_hex_string(),
            },
            Op::Code(code) => name(code).to_string(),
            Op::Cut => "[error]".into(),
        })
        .collect();
    words.join(" ")
}

/// A number of at most four bytes as scripts write it: least significant byte first, the highest bit its sign.
pub(super) fn number(data: &[u8]) -> i64 {
    let Some((last, low)) = data.split_last() else {
        return 0;
    };
    let magnitude = low
        .iter()
        .rev()
        .fold(i64::from(last & 0x7f), |n, b| n << 8 | i64::from(*b));
    if last & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// The name of the hash type, if this is a well-formed ECDSA signature (BIP66) with one that is defined.
fn hash_type(data: &[u8]) -> Option<&'static str> {
    let (&kind, signature) = data.split_last()?;
    let name = match kind {
        0x01 => "ALL",
        0x02 => "NONE",
        0x03 => "SINGLE",
        0x81 => "ALL|ANYONECANPAY",
        0x82 => "NONE|ANYONECANPAY",
        0x83 => "SINGLE|ANYONECANPAY",
        _ => return None,
    };
    is_strict_der(signature).then_some(name)
}

/// A sequence of two positive integers, each without needless leading zeros (BIP66).
fn is_strict_der(signature: &[u8]) -> bool {
    /// With the byte of the hash type a signature has 9 to 73 bytes.
    const SIZES: std::ops::RangeInclusive<usize> = 8..=72;
    fn integer(bytes: &[u8]) -> Option<&[u8]> {
        let [2, size, rest @ ..] = bytes else {
            return None;
        };
        let (value, rest) = rest.split_at_checked(usize::from(*size))?;
        let minimal = match value {
            [] => false,
            [first, ..] if first & 0x80 != 0 => false,
            [0, second, ..] => second & 0x80 != 0,
            _ => true,
        };
        minimal.then_some(rest)
    }
    let [0x30, size, body @ ..] = signature else {
        return false;
    };
    SIZES.contains(&signature.len())
        && usize::from(*size) == body.len()
        && integer(body).and_then(integer) == Some(&[])
}

/// Names of the opcodes from 0x4f on; the small numbers are shown as numbers.
const NAMES: [&str; 108] = [
    "-1",
    "OP_RESERVED",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "11",
    "12",
    "13",
    "14",
    "15",
    "16",
    "OP_NOP",
    "OP_VER",
    "OP_IF",
    "OP_NOTIF",
    "OP_VERIF",
    "OP_VERNOTIF",
    "OP_ELSE",
    "OP_ENDIF",
    "OP_VERIFY",
    "OP_RETURN",
    "OP_TOALTSTACK",
    "OP_FROMALTSTACK",
    "OP_2DROP",
    "OP_2DUP",
    "OP_3DUP",
    "OP_2OVER",
    "OP_2ROT",
    "OP_2SWAP",
    "OP_IFDUP",
    "OP_DEPTH",
    "OP_DROP",
    "OP_DUP",
    "OP_NIP",
    "OP_OVER",
    "OP_PICK",
    "OP_ROLL",
    "OP_ROT",
    "OP_SWAP",
    "OP_TUCK",
    "OP_CAT",
    "OP_SUBSTR",
    "OP_LEFT",
    "OP_RIGHT",
    "OP_SIZE",
    "OP_INVERT",
    "OP_AND",
    "OP_OR",
    "OP_XOR",
    "OP_EQUAL",
    "OP_EQUALVERIFY",
    "OP_RESERVED1",
    "OP_RESERVED2",
    "OP_1ADD",
    "OP_1SUB",
    "OP_2MUL",
    "OP_2DIV",
    "OP_NEGATE",
    "OP_ABS",
    "OP_NOT",
    "OP_0NOTEQUAL",
    "OP_ADD",
    "OP_SUB",
    "OP_MUL",
    "OP_DIV",
    "OP_MOD",
    "OP_LSHIFT",
    "OP_RSHIFT",
    "OP_BOOLAND",
    "OP_BOOLOR",
    "OP_NUMEQUAL",
    "OP_NUMEQUALVERIFY",
    "OP_NUMNOTEQUAL",
    "OP_LESSTHAN",
    "OP_GREATERTHAN",
    "OP_LESSTHANOREQUAL",
    "OP_GREATERTHANOREQUAL",
    "OP_MIN",
    "OP_MAX",
    "OP_WITHIN",
    "OP_RIPEMD160",
    "OP_SHA1",
    "OP_SHA256",
    "OP_HASH160",
    "OP_HASH256",
    "OP_CODESEPARATOR",
    "OP_CHECKSIG",
    "OP_CHECKSIGVERIFY",
    "OP_CHECKMULTISIG",
    "OP_CHECKMULTISIGVERIFY",
    "OP_NOP1",
    "OP_CHECKLOCKTIMEVERIFY",
    "OP_CHECKSEQUENCEVERIFY",
    "OP_NOP4",
    "OP_NOP5",
    "OP_NOP6",
    "OP_NOP7",
    "OP_NOP8",
    "OP_NOP9",
    "OP_NOP10",
    "OP_CHECKSIGADD",
];

fn name(code: u8) -> &'static str {
    const FIRST: u8 = 0x4f;
    if code == 0xff {
        return "OP_INVALIDOPCODE";
    }
    code.checked_sub(FIRST)
        .and_then(|at| NAMES.get(usize::from(at)).copied())
        .unwrap_or("OP_UNKNOWN")
}
