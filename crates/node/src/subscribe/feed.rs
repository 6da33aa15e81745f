//! The task behind a subscription: finds the way, reads the blocks, waits for the subscriber.

use std::collections::VecDeque;

use tipward_chain::ChainView;
use tipward_store::BlockReader;
use tokio::sync::mpsc;

use super::path::{Place, Step, next_steps};
use super::{BlockEvent, SubscribeError};
use crate::node::NodeHandle;

/// Blocks that are read at once, so that small ones do not cost a change of threads each.
const CHUNK_BLOCKS: usize = 64;
/// Bytes after which no further block is read into a chunk.
const CHUNK_BYTES: usize = 4 << 20;

/// Events that are handed over at once.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) events: VecDeque<BlockEvent>,
    /// Why there are no more after them.
    pub(super) failure: Option<SubscribeError>,
}

/// Feeds a subscriber until it is gone, the node ends, or the subscription cannot go on.
pub(super) async fn feed(node: NodeHandle, mut place: Place, chunks: mpsc::Sender<Chunk>) {
    let mut tip = node.tip();
    loop {
        // In this order a tip that comes between the two is not slept through.
        tip.borrow_and_update();
        let view = node.view();
        let chunk = match next_steps(&view, &place, CHUNK_BLOCKS) {
            Ok(steps) if steps.is_empty() => {
                let moved = tokio::select! {
                    moved = tip.changed() => moved.is_ok(),
                    () = node.shutdown.cancelled() => false,
                    () = chunks.closed() => false,
                };
                if moved {
                    continue;
                }
                return;
            }
            Ok(steps) => {
                let blocks = node.blocks.clone();
                let read = tokio::task::spawn_blocking(move || read(&blocks, &view, &steps)).await;
                let Ok(chunk) = read else {
                    // The runtime ends.
                    return;
                };
                chunk
            }
            Err(error) => Chunk {
                events: VecDeque::new(),
                failure: Some(error),
            },
        };
        if let Some(last) = chunk.events.back() {
            place = Place::After(last.cursor());
        }
        let failed = chunk.failure.is_some();
        let sent = tokio::select! {
            sent = chunks.send(chunk) => sent.is_ok(),
            () = node.shutdown.cancelled() => false,
        };
        if failed || !sent {
            return;
        }
    }
}

/// Reads the blocks of these steps, as many as a chunk may hold.
fn read(blocks: &BlockReader, view: &ChainView, steps: &[Step]) -> Chunk {
    let (mut events, mut failure, mut bytes) = (VecDeque::new(), None, 0);
    for step in steps {
        if bytes >= CHUNK_BYTES {
            break;
        }
        match event(blocks, view, step) {
            Ok(event) => {
                bytes += match &event {
                    BlockEvent::Connected { block, .. } => block.size(),
                    BlockEvent::Disconnected { block, .. } => {
                        block.as_ref().map_or(0, |block| block.size())
                    }
                };
                events.push_back(event);
            }
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    Chunk { events, failure }
}

fn event(
    blocks: &BlockReader,
    view: &ChainView,
    step: &Step,
) -> Result<BlockEvent, SubscribeError> {
    let Step {
        height,
        hash,
        leaves,
    } = *step;
    if leaves {
        let id = view.find(&hash);
        let parent = id.map(|id| view.header(id).prev_blockhash);
        return Ok(BlockEvent::Disconnected {
            height,
            hash,
            // What is gone can be left all the same.
            block: blocks.read(&hash).ok().flatten(),
            parent: parent.ok_or(SubscribeError::NotStored { height, hash })?,
        });
    }
    match blocks.read(&hash)? {
        Some(block) => Ok(BlockEvent::Connected {
            height,
            hash,
            block,
        }),
        None => Err(SubscribeError::NotStored { height, hash }),
    }
}
