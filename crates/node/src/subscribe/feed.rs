//! The task behind a subscription: finds the way, reads the blocks, waits for the subscriber.

use std::collections::VecDeque;
use std::sync::Arc;

use tipward_chain::ChainView;
use tipward_primitives::RawBlock;
use tipward_store::BlockReader;
use tokio::sync::mpsc;

use super::SubscribeError;
use super::path::{Place, Step, next_steps};
use crate::node::NodeHandle;

/// Blocks that are read at once, so that small ones do not cost a change of threads each.
const CHUNK_BLOCKS: usize = 64;
/// Bytes after which no further block is read into a chunk.
const CHUNK_BYTES: usize = 4 << 20;

/// Steps that were found by one view.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) view: Arc<ChainView>,
    pub(super) steps: VecDeque<Step>,
    /// Why there are no more after them.
    pub(super) failure: Option<SubscribeError>,
}

/// Feeds a subscriber until it is gone, the node ends, or the subscription cannot go on.
pub(super) async fn feed(
    node: NodeHandle,
    mut place: Place,
    with_blocks: bool,
    chunks: mpsc::Sender<Chunk>,
) {
    let mut tip = node.tip();
    loop {
        // In this order a tip that comes between the two is not slept through.
        tip.borrow_and_update();
        let view = node.view();
        let (steps, failure) = match next_steps(&view, &place, CHUNK_BLOCKS) {
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
            Ok(steps) if with_blocks => {
                let blocks = node.blocks.clone();
                match tokio::task::spawn_blocking(move || read(&blocks, steps)).await {
                    Ok(read) => read,
                    // The runtime ends.
                    Err(_) => return,
                }
            }
            Ok(steps) => (steps.into(), None),
            Err(error) => (VecDeque::new(), Some(error)),
        };
        if let Some(last) = steps.back() {
            place = Place::After(last.cursor());
        }
        let failed = failure.is_some();
        let chunk = Chunk {
            view,
            steps,
            failure,
        };
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
fn read(blocks: &BlockReader, steps: Vec<Step>) -> (VecDeque<Step>, Option<SubscribeError>) {
    let (mut done, mut bytes) = (VecDeque::new(), 0);
    for mut step in steps {
        if bytes >= CHUNK_BYTES {
            break;
        }
        step.block = match read_one(blocks, &step) {
            Ok(block) => block,
            Err(error) => return (done, Some(error)),
        };
        bytes += step.block.as_ref().map_or(0, RawBlock::size);
        done.push_back(step);
    }
    (done, None)
}

fn read_one(blocks: &BlockReader, step: &Step) -> Result<Option<RawBlock>, SubscribeError> {
    let read = blocks.read(&step.hash);
    if step.leaves {
        // What is gone can be left all the same.
        return Ok(read.ok().flatten());
    }
    match read? {
        Some(block) => Ok(Some(block)),
        None => Err(SubscribeError::NotStored {
            height: step.height,
            hash: step.hash,
        }),
    }
}
