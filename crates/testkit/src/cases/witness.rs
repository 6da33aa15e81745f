//! The commitment to the witnesses (BIP141) and what stands beside it.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Block, ScriptBuf, Witness};

use super::blocks::edited;
use super::maker::{Maker, out, passing_on};
use super::{Case, Verdict};

pub(super) fn cases() -> Vec<Case> {
    let nonce = |name: &str, items: &'static [&'static [u8]]| {
        Case::refused("bad-witness-nonce-size", name, move |maker| {
            witnessed(maker, |block| {
                block.txdata[0].input[0].witness = Witness::from_slice(items);
            })
        })
    };
    vec![
        Case::valid("no witness and no commitment to one", |maker| {
            edited(maker, |block, _| {
                block.txdata[0].input[0].witness = Witness::new();
                block.txdata[0].output.pop();
            })
        }),
        Case::refused(
            "bad-witness-nonce-size",
            "a commitment without the coinbase's witness",
            |maker| {
                edited(maker, |block, _| {
                    block.txdata[0].input[0].witness = Witness::new();
                })
            },
        ),
        Case::refused(
            "unexpected-witness",
            "the coinbase's witness without a commitment",
            |maker| {
                edited(maker, |block, _| {
                    block.txdata[0].output.pop();
                })
            },
        ),
        nonce("a reserved value of 31 bytes", &[&[0; 31]]),
        nonce("a reserved value of 33 bytes", &[&[0; 33]]),
        nonce("two reserved values", &[&[0; 32], &[0; 32]]),
        nonce("no reserved value", &[&[]]),
        Case::valid("a reserved value other than zero", |maker| {
            witnessed(maker, |block| {
                let reserved = [7; 32];
                block.txdata[0].input[0].witness = Witness::from_slice(&[reserved]);
                if let Some(root) = block.witness_root() {
                    let commitment = Block::compute_witness_commitment(&root, &reserved);
                    commit(block, commitment.to_byte_array());
                }
            })
        }),
        Case::valid("a commitment that more bytes follow", |maker| {
            witnessed(maker, |block| {
                let script = &mut last_output(block).script_pubkey;
                let mut bytes = std::mem::take(script).into_bytes();
                bytes.extend([1, 7]);
                *script = bytes.into();
            })
        }),
        Case::valid("two commitments of which the last is right", |maker| {
            two_commitments(maker, false)
        }),
        Case::refused(
            "bad-witness-merkle-match",
            "two commitments of which the first is right",
            |maker| two_commitments(maker, true),
        ),
        Case::refused(
            "unexpected-witness",
            "a commitment of a byte too few",
            |maker| {
                witnessed(maker, |block| {
                    let script = &mut last_output(block).script_pubkey;
                    let mut bytes = std::mem::take(script).into_bytes();
                    bytes.pop();
                    *script = bytes.into();
                })
            },
        ),
        Case::new(
            "a coinbase whose wtxid counts as itself",
            Verdict::refused("bad-witness-merkle-match"),
            |maker| {
                witnessed(maker, |block| {
                    let leaves = block
                        .txdata
                        .iter()
                        .map(|tx| tx.compute_wtxid().to_byte_array());
                    let leaves: Vec<[u8; 32]> = leaves.collect();
                    let root = tipward_consensus::merkle_root(&leaves).root;
                    let root = bitcoin::WitnessMerkleNode::from_byte_array(root);
                    let commitment = Block::compute_witness_commitment(&root, &[0; 32]);
                    commit(block, commitment.to_byte_array());
                })
            },
        ),
    ]
}

/// A block with a witness, whose coinbase `edit` has changed.
fn witnessed(maker: &mut Maker<'_>, edit: impl FnOnce(&mut Block)) -> Option<Block> {
    let script = ScriptBuf::from_bytes(vec![0x51]);
    let outpoint = maker.pay_one(script.to_p2wsh())?;
    let mut tx = passing_on(outpoint);
    tx.input[0].witness = Witness::from_slice(&[script.as_bytes()]);
    maker.add(tx, Amount::ZERO);
    edited(maker, |block, _| edit(block))
}

fn last_output(block: &mut Block) -> &mut bitcoin::TxOut {
    block.txdata[0]
        .output
        .last_mut()
        .expect("the commitment is an output")
}

fn commit(block: &mut Block, commitment: [u8; 32]) {
    let script = &mut last_output(block).script_pubkey;
    let mut bytes = script.to_bytes();
    bytes.truncate(6);
    bytes.extend(commitment);
    *script = bytes.into();
}

fn two_commitments(maker: &mut Maker<'_>, wrong_last: bool) -> Option<Block> {
    witnessed(maker, |block| {
        let right = last_output(block).clone();
        commit(block, [9; 32]);
        let wrong = last_output(block).clone();
        let outputs = &mut block.txdata[0].output;
        outputs.pop();
        let both = if wrong_last {
            [right, wrong]
        } else {
            [wrong, right]
        };
        outputs.extend(both);
        // Another one between them that only looks like it.
        let at = outputs.len() - 1;
        outputs.insert(
            at,
            out(
                Amount::ZERO,
                ScriptBuf::from_bytes(vec![0x6a, 0x24, 0xaa, 0x21]),
            ),
        );
    })
}
