//! Leaves that carry data.

use bitcoin::ScriptBuf;
use bitcoin::key::Keypair;
use bitcoin::opcodes::OP_0;
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_ENDIF, OP_IF};
use bitcoin::script::{Builder, PushBytesBuf};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The most that one push of an executed script may have, in bytes; a leaf's pushes are held to it as well.
const MAX_PUSH: usize = 520;

/// Bytes of data in a leaf.
const SIZES: std::ops::RangeInclusive<usize> = 100..=4_000;

/// A leaf for one key with data in a branch that is never taken. How much, and which, follows from the key.
pub(super) fn leaf(pair: &Keypair) -> ScriptBuf {
    let key = pair.x_only_public_key().0.serialize();
    let mut rng = ChaCha8Rng::from_seed(key);
    let mut data = vec![0; rng.random_range(SIZES)];
    rng.fill_bytes(&mut data);
    let head = Builder::new()
        .push_slice(key)
        .push_opcode(OP_CHECKSIG)
        .push_opcode(OP_0)
        .push_opcode(OP_IF)
        .push_slice(b"ord")
        .push_int(1)
        .push_slice(b"application/octet-stream")
        .push_opcode(OP_0);
    let whole = data.chunks(MAX_PUSH).fold(head, |script, chunk| {
        let push = PushBytesBuf::try_from(chunk.to_vec()).expect("a chunk is short");
        script.push_slice(push)
    });
    whole.push_opcode(OP_ENDIF).into_script()
}
