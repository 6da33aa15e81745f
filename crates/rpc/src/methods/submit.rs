//! Headers and blocks from the user.

use bitcoin::consensus::encode::{deserialize_partial, serialize};
use bitcoin::hex::FromHex as _;
use bitcoin::{Block, Witness};
use serde_json::Value;
use tipward_chain::ChainView;
use tipward_consensus::RejectKind;
use tipward_primitives::{Header, RawBlock};

use crate::call::{Call, later};
use crate::error::{RpcError, code};
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::{SubmitBlockOutcome, SubmitError};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "submitheader",
        category: Category::Mining,
        about: "Offers a header. It is refused with the reason if it breaks a rule or its parent is not known.",
        args: &[Arg {
            names: &["hexdata"],
            kind: Kind::Hex,
            presence: Presence::Required,
            about: "The header's 80 bytes.",
        }],
        result: "null",
        examples: &[],
        run: |call| later(submitheader(call)),
    },
    Method {
        name: "submitblock",
        category: Category::Mining,
        about: "Offers a block (BIP22). It is checked as if a peer had sent it.",
        args: &[
            Arg {
                names: &["hexdata"],
                kind: Kind::Hex,
                presence: Presence::Required,
                about: "The block's bytes.",
            },
            Arg {
                names: &["dummy"],
                kind: Kind::Text,
                presence: Presence::Optional("ignored"),
                about: "Of no effect; BIP22 has it.",
            },
        ],
        result: "null if the block became part of the active chain, otherwise:\n\"text\"    (string) why not (BIP22): \
                 duplicate, inconclusive, or the rule that it breaks",
        examples: &[],
        run: |call| later(submitblock(call)),
    },
];

async fn submitheader(call: Call) -> Result<Value, RpcError> {
    let undecodable = || RpcError::new(code::DESERIALIZATION_ERROR, "Block header decode failed");
    let bytes = Vec::<u8>::from_hex(call.required_text(0)).map_err(|_| undecodable())?;
    let (header, _) = deserialize_partial::<Header>(&bytes).map_err(|_| undecodable())?;
    match call.node.submit_header(header).await {
        Ok(()) => Ok(Value::Null),
        Err(SubmitError::Refused(reject)) => Err(RpcError::new(
            code::VERIFY_ERROR,
            match reject.kind {
                RejectKind::MissingPrev => {
                    format!(
                        "Must submit previous header ({}) first",
                        header.prev_blockhash
                    )
                }
                _ => reject.reason.to_string(),
            },
        )),
        Err(SubmitError::Failed(fault)) => Err(RpcError::new(code::VERIFY_ERROR, fault.what)),
    }
}

async fn submitblock(call: Call) -> Result<Value, RpcError> {
    let view = call.node.view();
    let hexdata = call.required_text(0).to_owned();
    let raw = call
        .blocking(move |_| decode_block(&view, &hexdata))
        .await?;
    match call.node.submit_block(raw).await {
        SubmitBlockOutcome::Accepted => Ok(Value::Null),
        SubmitBlockOutcome::Duplicate => Ok("duplicate".into()),
        SubmitBlockOutcome::Inconclusive => Ok("inconclusive".into()),
        SubmitBlockOutcome::Refused(reject) => Ok(reject.reason.into()),
        SubmitBlockOutcome::Failed(fault) => Err(RpcError::new(code::VERIFY_ERROR, fault.what)),
    }
}

/// Reads a block, and gives a coinbase whose witness was left out the one it must have.
fn decode_block(view: &ChainView, hexdata: &str) -> Result<RawBlock, RpcError> {
    let undecodable = || RpcError::new(code::DESERIALIZATION_ERROR, "Block decode failed");
    let bytes = Vec::<u8>::from_hex(hexdata).map_err(|_| undecodable())?;
    let (mut block, used) = deserialize_partial::<Block>(&bytes).map_err(|_| undecodable())?;
    if lacks_witness_nonce(view, &block) {
        block.txdata[0].input[0].witness = Witness::from_slice(&[[0u8; 32]]);
        return RawBlock::new(serialize(&block).into()).map_err(|_| undecodable());
    }
    let mut bytes = bytes;
    bytes.truncate(used);
    RawBlock::new(bytes.into()).map_err(|_| undecodable())
}

/// Miners may leave the coinbase's witness out of a block that commits to witnesses (BIP141): before it can be hashed,
/// it needs the 32 zeros that stand there by custom.
fn lacks_witness_nonce(view: &ChainView, block: &Block) -> bool {
    /// Beginning of the output script that holds the commitment.
    const COMMITMENT: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    let Some(parent) = view.find(&block.header.prev_blockhash) else {
        return false;
    };
    let segwit = view.height(parent) + 1 >= view.params().segwit_height;
    let Some(coinbase) = block.txdata.first() else {
        return false;
    };
    segwit
        && !coinbase.input.is_empty()
        && coinbase.input.iter().all(|input| input.witness.is_empty())
        && coinbase.output.iter().any(|output| {
            let script = output.script_pubkey.as_bytes();
            script.len() >= 38 && script.starts_with(&COMMITMENT)
        })
}
