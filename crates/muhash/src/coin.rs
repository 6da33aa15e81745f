use tipward_primitives::Height;
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::bitcoin::consensus::encode::{Encodable as _, VarInt};
use tipward_primitives::bitcoin::hashes::Hash as _;

/// Appends to `to` the bytes that stand for a coin in a hash of the coin set, as Bitcoin Core writes them: the outpoint,
/// the height with the coinbase mark in its lowest bit (u32), the value in satoshis (i64), the script's size (compact
/// size) and the script.
pub fn coin_bytes(
    to: &mut Vec<u8>,
    outpoint: &OutPoint,
    height: Height,
    coinbase: bool,
    value: i64,
    script_pubkey: &[u8],
) {
    to.extend(outpoint.txid.as_byte_array());
    to.extend(outpoint.vout.to_le_bytes());
    // No chain reaches a height of 2^31.
    to.extend((height.wrapping_shl(1) | u32::from(coinbase)).to_le_bytes());
    to.extend(value.to_le_bytes());
    VarInt::from(script_pubkey.len())
        .consensus_encode(to)
        .expect("writing to memory does not fail");
    to.extend(script_pubkey);
}
