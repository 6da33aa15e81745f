//! Messages signed with the key of an address.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{Message, Secp256k1};
use bitcoin::sign_message::{MessageSignature, signed_msg_hash};
use bitcoin::{NetworkKind, PrivateKey, ScriptBuf};
use serde_json::Value;

use crate::call::{Call, later};
use crate::decode::script_of_address;
use crate::error::{RpcError, code};
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "verifymessage",
        category: Category::Util,
        about: "Whether a message was signed with the key of an address.",
        args: &[
            Arg {
                names: &["address"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The address; one of a public key's hash (P2PKH).",
            },
            Arg {
                names: &["signature"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The signature in base64.",
            },
            Arg {
                names: &["message"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The message.",
            },
        ],
        result: "b    (boolean) whether it was",
        examples: &[&[
            "1D1ZrZNe3JUo7ZycKEYQQiQAWd9y54F4XX",
            "signature",
            "my message",
        ]],
        run: |call| later(verifymessage(call)),
    },
    Method {
        name: "signmessagewithprivkey",
        category: Category::Util,
        about: "Signs a message with a key. The key goes over the wire: only for keys of tests.",
        args: &[
            Arg {
                names: &["privkey"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The private key in the wallet import format.",
            },
            Arg {
                names: &["message"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The message.",
            },
        ],
        result: "\"text\"    (string) the signature in base64",
        examples: &[&["privkey", "my message"]],
        run: |call| later(signmessagewithprivkey(call)),
    },
];

async fn verifymessage(call: Call) -> Result<Value, RpcError> {
    let network = call.node.view().params().network;
    let script = script_of_address(call.required_text(0), network)
        .map_err(|_| RpcError::new(code::INVALID_ADDRESS_OR_KEY, "Invalid address"))?;
    if !script.is_p2pkh() {
        return Err(RpcError::new(
            code::TYPE_ERROR,
            "Address does not refer to key",
        ));
    }
    let signature = BASE64
        .decode(call.required_text(1))
        .map_err(|_| RpcError::new(code::TYPE_ERROR, "Malformed base64 encoding"))?;
    Ok(is_signed_by(&script, &signature, call.required_text(2)).into())
}

/// Whether the key that the signature tells is the one whose hash guards the script.
fn is_signed_by(script: &ScriptBuf, signature: &[u8], message: &str) -> bool {
    let key = MessageSignature::from_slice(signature).and_then(|signature| {
        signature.recover_pubkey(&Secp256k1::verification_only(), signed_msg_hash(message))
    });
    key.is_ok_and(|key| ScriptBuf::new_p2pkh(&key.pubkey_hash()) == *script)
}

async fn signmessagewithprivkey(call: Call) -> Result<Value, RpcError> {
    let network = NetworkKind::from(call.node.view().params().network);
    let key = PrivateKey::from_wif(call.required_text(0))
        .ok()
        .filter(|key| key.network == network)
        .ok_or_else(|| RpcError::new(code::INVALID_ADDRESS_OR_KEY, "Invalid private key"))?;
    let message = Message::from_digest(signed_msg_hash(call.required_text(1)).to_byte_array());
    let signature = Secp256k1::signing_only().sign_ecdsa_recoverable(&message, &key.inner);
    let signature = MessageSignature::new(signature, key.compressed);
    Ok(BASE64.encode(signature.serialize()).into())
}
