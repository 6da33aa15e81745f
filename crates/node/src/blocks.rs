//! Blocks as a peer wants them.

use bitcoin::block::Block;
use bitcoin::consensus::{deserialize, serialize};
use bytes::Bytes;
use tipward_primitives::BlockHash;
use tipward_store::BlockReader;

/// Reads a stored block on a thread that may wait for the disk; `None` if it is not stored or cannot be read.
pub(crate) async fn read_for_peer(
    blocks: BlockReader,
    hash: BlockHash,
    witness: bool,
) -> Option<Bytes> {
    let read = tokio::task::spawn_blocking(move || {
        let block = blocks.read(&hash)?.map(|block| block.into_bytes());
        Ok::<_, tipward_store::StoreError>(match block {
            Some(bytes) if !witness => strip(&bytes),
            other => other,
        })
    });
    match read.await {
        Ok(Ok(block)) => block,
        Ok(Err(error)) => {
            tracing::warn!(target: "store", "cannot read block {hash}: {error}");
            None
        }
        // The node is ending.
        Err(_) => None,
    }
}

/// The block without its witnesses, as a node from before segregated witness (BIP144) asks for it; `None` if the bytes
/// are no block.
pub(crate) fn strip(bytes: &[u8]) -> Option<Bytes> {
    let mut block: Block = deserialize(bytes).ok()?;
    for transaction in &mut block.txdata {
        for input in &mut transaction.input {
            input.witness.clear();
        }
    }
    Some(serialize(&block).into())
}
