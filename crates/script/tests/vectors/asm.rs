//! The notation in which the vectors write scripts.

use std::collections::HashMap;
use std::sync::LazyLock;

use tipward_primitives::bitcoin::hex::FromHex as _;
use tipward_primitives::bitcoin::opcodes::Opcode;
use tipward_primitives::bitcoin::script::{Builder, PushBytesBuf, ScriptBuf};

/// Opcodes by name, without those that push, which are written as numbers and data.
static OPCODES: LazyLock<HashMap<String, u8>> = LazyLock::new(|| {
    const RESERVED: u8 = 0x50;
    const NOP: u8 = 0x61;
    const CHECKSIGADD: u8 = 0xba;
    (NOP..=CHECKSIGADD)
        .chain([RESERVED])
        .map(|byte| {
            let name = match Opcode::from(byte).to_string().as_str() {
                "OP_CLTV" => "CHECKLOCKTIMEVERIFY".to_owned(),
                "OP_CSV" => "CHECKSEQUENCEVERIFY".to_owned(),
                name => name.strip_prefix("OP_").unwrap().to_owned(),
            };
            (name, byte)
        })
        .collect()
});

/// Reads a script: `0x..` are bytes as they stand, numbers and 'quoted text' are pushed, the rest are opcodes with or
/// without `OP_`.
pub(crate) fn parse(asm: &str) -> ScriptBuf {
    let mut script = Vec::new();
    for word in asm.split_ascii_whitespace() {
        if let Some(bytes) = word.strip_prefix("0x") {
            script.extend(Vec::from_hex(bytes).unwrap());
        } else if let Ok(number) = word.parse::<i64>() {
            script.extend(Builder::new().push_int(number).into_script().into_bytes());
        } else if let Some(quoted) = word.strip_prefix('\'').and_then(|w| w.strip_suffix('\'')) {
            let data = PushBytesBuf::try_from(quoted.as_bytes().to_vec()).unwrap();
            script.extend(Builder::new().push_slice(data).into_script().into_bytes());
        } else {
            let name = word.strip_prefix("OP_").unwrap_or(word);
            let byte = OPCODES.get(name);
            script.push(*byte.unwrap_or_else(|| panic!("unknown word {word:?} in {asm:?}")));
        }
    }
    ScriptBuf::from_bytes(script)
}

#[test]
fn each_kind_of_word_is_read_as_bitcoin_core_reads_it() {
    assert_eq!(
        parse("0 1 16 -1 17 -255").to_hex_string(),
        "0051604f011102ff80"
    );
    assert_eq!(
        parse("'Az' 0x4c 0x02abcd").to_hex_string(),
        "02417a4c02abcd"
    );
    assert_eq!(
        parse("OP_DUP HASH160 CHECKLOCKTIMEVERIFY NOP10 RESERVED CHECKSIGADD").to_hex_string(),
        "76a9b1b950ba"
    );
}
