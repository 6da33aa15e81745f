//! The bytes that stand for a coin.

use tipward_muhash::coin_bytes;
use tipward_primitives::Txid;
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::bitcoin::hashes::Hash as _;

#[test]
fn a_coin_is_outpoint_height_with_coinbase_mark_value_and_script() {
    let mut bytes = Vec::new();
    let outpoint = OutPoint::new(Txid::from_byte_array([0xab; 32]), 0x0102_0304);
    coin_bytes(&mut bytes, &outpoint, 5, true, 0x10, &[0x51; 253]);
    let (head, script) = bytes.split_at(32 + 4 + 4 + 8 + 3);
    assert_eq!(head[..32], [0xab; 32]);
    assert_eq!(head[32..36], [4, 3, 2, 1]);
    assert_eq!(head[36..40], [11, 0, 0, 0]);
    assert_eq!(head[40..48], [0x10, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(head[48..], [0xfd, 253, 0], "a compact size");
    assert_eq!(script, [0x51; 253]);
}
