//! Blocks of the active chain, in order, for whoever wants to follow it.
//!
//! ```text
//!   published view, tip ──▶ path: which blocks leave, which join ──▶ feed: reads them ──▶ bounded channel ──▶ Subscription
//!                                                                   block files           chunks of 4 MiB      next()
//! ```
//!
//! A subscriber names the block that it has come to, and gets from there to the tip and on: first the blocks that left the
//! active chain, newest first, then those that joined it, oldest first. What it has come to is a [`Cursor`] of its own, a
//! height and a hash that it keeps wherever it keeps what it makes of the blocks: after a restart, or years later, it
//! goes on from there, over whatever happened to the chain meanwhile.
//!
//! Validation knows nothing of subscribers. Blocks are read from the block files, along the view that everybody reads; who
//! is slow lags behind, and costs nobody anything but the reading.
//!
//! # Bounds
//! A subscription holds three chunks at most, each of at most 64 blocks and 4 MiB, but for one block more: below 24 MiB.

mod cursor;
mod feed;
mod path;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use tipward_chain::ChainView;
use tipward_primitives::{BlockHash, Height, RawBlock};
use tipward_store::StoreError;
use tokio::sync::mpsc;

use crate::node::NodeHandle;
pub use cursor::{BadCursor, Cursor};
use feed::Chunk;
use path::Place;
pub(crate) use path::Step;

/// Chunks that wait for the subscriber, beside the one that it takes events from and the one that is being read.
const WAITING_CHUNKS: usize = 1;

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// With the first block that comes after the tip of now.
    Tip,
    /// With the active chain's block at this height; 0 is the genesis block. A height above the tip is waited for.
    Height(Height),
    /// After this block, which the subscriber has. If it is not part of the active chain any more, that is said first.
    After(Cursor),
}

/// A block joined the active chain or left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockEvent {
    /// The block is part of the active chain. It builds on the block of the event before.
    Connected {
        /// Its height.
        height: Height,
        /// Its hash.
        hash: BlockHash,
        /// The block as it came.
        block: RawBlock,
    },
    /// The block, the last that the subscriber was told to be connected, is not part of the active chain any more.
    Disconnected {
        /// Its height.
        height: Height,
        /// Its hash.
        hash: BlockHash,
        /// The block, if it is still stored.
        block: Option<RawBlock>,
        /// The block before it, where the subscriber is now.
        parent: BlockHash,
    },
}

impl BlockEvent {
    /// Where a subscriber is that has dealt with this event.
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Connected { height, hash, .. } => Cursor {
                height: *height,
                hash: *hash,
            },
            Self::Disconnected { height, parent, .. } => Cursor::before(*height, *parent),
        }
    }
}

/// Why a subscription cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The cursor's block is on no branch that the node has heard of, so that nobody can say what has happened since.
    #[error(
        "block {} at height {} of the cursor is on no branch that this node knows: begin again from a height",
        .0.hash,
        .0.height
    )]
    UnknownCursor(Cursor),
    /// A block of the active chain is not on disk any more.
    #[error("block {hash} at height {height} is not stored: it was pruned")]
    NotStored {
        /// Its height.
        height: Height,
        /// Its hash.
        hash: BlockHash,
    },
    /// A block cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Blocks in order; see the module's page. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription(Steps);

impl Subscription {
    /// The next event, when there is one; `None` when the node has ended. After an error there are no more.
    ///
    /// It can be cancelled at any time without an event being lost.
    pub async fn next(&mut self) -> Result<Option<BlockEvent>, SubscribeError> {
        let Some(Step {
            height,
            hash,
            parent,
            leaves,
            block,
        }) = self.0.next().await?
        else {
            return Ok(None);
        };
        Ok(Some(match (leaves, block) {
            (true, block) => BlockEvent::Disconnected {
                height,
                hash,
                block,
                parent,
            },
            (false, Some(block)) => BlockEvent::Connected {
                height,
                hash,
                block,
            },
            (false, None) => return Err(SubscribeError::NotStored { height, hash }),
        }))
    }

    /// Where the subscriber is once it has dealt with the event that it got last: to be kept after that, and to begin with
    /// next time ([`StartAt::After`]). `None` before the first event of a subscription from a height.
    pub fn cursor(&self) -> Option<Cursor> {
        self.0.cursor
    }
}

/// A subscription from within the node: with the view by which each step was found, and without the blocks for who needs
/// none.
#[derive(Debug)]
pub(crate) struct Steps {
    chunks: mpsc::Receiver<Chunk>,
    steps: VecDeque<Step>,
    /// What they were found by.
    view: Arc<ChainView>,
    /// What follows them.
    failure: Option<SubscribeError>,
    cursor: Option<Cursor>,
}

impl Steps {
    pub(crate) async fn next(&mut self) -> Result<Option<Step>, SubscribeError> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                self.cursor = Some(step.cursor());
                return Ok(Some(step));
            }
            if let Some(error) = self.failure.take() {
                return Err(error);
            }
            let Some(chunk) = self.chunks.recv().await else {
                return Ok(None);
            };
            self.steps = chunk.steps;
            self.view = chunk.view;
            self.failure = chunk.failure;
        }
    }

    /// The view by which the last step was found.
    pub(crate) fn view(&self) -> &Arc<ChainView> {
        &self.view
    }
}

impl NodeHandle {
    /// Blocks in order, from where the subscriber says.
    pub fn subscribe(&self, start: StartAt) -> Subscription {
        Subscription(self.steps(start, true))
    }

    /// The same step by step, with the blocks or without.
    pub(crate) fn steps(&self, start: StartAt, with_blocks: bool) -> Steps {
        let view = self.view();
        let (place, cursor) = match start {
            StartAt::Height(height) => (Place::Before(height), None),
            StartAt::After(cursor) => (Place::After(cursor), Some(cursor)),
            StartAt::Tip => {
                let cursor = Cursor {
                    height: view.tip_height(),
                    hash: view.tip_hash(),
                };
                (Place::After(cursor), Some(cursor))
            }
        };
        let (chunks_in, chunks) = mpsc::channel(WAITING_CHUNKS);
        self.runtime
            .spawn(feed::feed(self.clone(), place, with_blocks, chunks_in));
        Steps {
            chunks,
            steps: VecDeque::new(),
            view,
            failure: None,
            cursor,
        }
    }
}
