//! Addresses and scripts by themselves.

use bitcoin::Script;
use serde_json::{Map, Value};

use crate::call::{Call, later, parse_hex};
use crate::decode::{OutputKind, address_of, script_json, script_of_address};
use crate::error::RpcError;
use crate::json::hex;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "validateaddress",
        category: Category::Util,
        about: "Whether this is an address of the network, and what it stands for.",
        args: &[Arg {
            names: &["address"],
            kind: Kind::Text,
            presence: Presence::Required,
            about: "The address.",
        }],
        result: r#"{
  "isvalid": b,                (boolean) it is an address
  "address": "text",           (string, if so) the address
  "scriptPubKey": "hex",       (string, if so) the script that it stands for
  "isscript": b,               (boolean, if so and it is known) the script hides another one
  "iswitness": b,              (boolean, if so) it is a witness program
  "witness_version": n,        (numeric, of most witness programs) its version
  "witness_program": "hex",    (string, of most witness programs) the program
  "error_locations": [n, ...], (array, if not) characters that are likely to be wrong, the first being 0
  "error": "text"              (string, if not) why not
}"#,
        examples: &[&["bc1q09vm5lfy0j5reeulh4x5752q25uqqvz34hufdl"]],
        run: |call| later(validateaddress(call)),
    },
    Method {
        name: "decodescript",
        category: Category::RawTransactions,
        about: "Shows what a script says, and the addresses that hide it behind its hash.",
        args: &[Arg {
            names: &["hexstring"],
            kind: Kind::Hex,
            presence: Presence::Required,
            about: "The script.",
        }],
        result: r#"{
  "asm": "text",              (string) the script, disassembled
  "desc": "text",             (string) a descriptor of it
  "address": "text",          (string, if there is one) its address
  "type": "text",             (string) the kind of script
  "p2sh": "text",             (string, if it makes sense) address of the P2SH output that hides it
  "segwit": {                 (object, if it makes sense) the witness program that hides it
    "asm": "text",            (string) its script, disassembled
    "desc": "text",           (string) a descriptor of it
    "hex": "hex",             (string) its script
    "address": "text",        (string) its address
    "type": "text",           (string) the kind of script
    "p2sh-segwit": "text"     (string) address of the P2SH output that hides it in turn
  }
}"#,
        examples: &[&["76a914000000000000000000000000000000000000000088ac"]],
        run: |call| later(decodescript(call)),
    },
];

async fn validateaddress(call: Call) -> Result<Value, RpcError> {
    let network = call.node.view().params().network;
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.into(), value);
    match script_of_address(call.required_text(0), network) {
        Ok(script) => {
            put("isvalid", true.into());
            let address = address_of(&script, network).map(|address| address.to_string());
            put("address", address.unwrap_or_default().into());
            put("scriptPubKey", hex(script.as_bytes()));
            describe(&script, put);
        }
        Err(error) => {
            put("isvalid", false.into());
            put("error_locations", error.locations.into());
            put("error", error.message.into());
        }
    }
    Ok(Value::Object(info))
}

/// What the address says of what is behind it.
fn describe(script: &Script, mut put: impl FnMut(&str, Value) -> Option<Value>) {
    let kind = OutputKind::of(script);
    let is_script = match kind {
        OutputKind::WitnessUnknown => None,
        OutputKind::PubKeyHash | OutputKind::WitnessKeyHash => Some(false),
        _ => Some(true),
    };
    if let Some(is_script) = is_script {
        put("isscript", is_script.into());
    }
    put("iswitness", script.is_witness_program().into());
    if let Some(version) = script.witness_version()
        && kind != OutputKind::Anchor
    {
        put("witness_version", version.to_num().into());
        // Version and length stand before the program.
        put("witness_program", hex(&script.as_bytes()[2..]));
    }
}

async fn decodescript(call: Call) -> Result<Value, RpcError> {
    let text = call.required_text(0).to_owned();
    let network = call.node.view().params().network;
    call.blocking(move |_| {
        let bytes = match text.as_str() {
            "" => Vec::new(),
            text => parse_hex(text, "argument")?,
        };
        Ok(Value::Object(script_json(
            Script::from_bytes(&bytes),
            network,
        )))
    })
    .await
}
