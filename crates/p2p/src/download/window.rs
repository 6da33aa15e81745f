//! The window block by block, for people to look at.
//!
//! What is told is what is not stored, as runs and lists: so it costs a walk over the open heights and over the requests
//! that are out, some tens of microseconds, and none over the window itself.

use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::{Download, State};
use crate::io::PeerId;
use crate::snapshot::{AskedBlock, WindowSnapshot};

impl Download {
    /// The window as it is now; `checking` are the blocks whose verdicts are not in.
    pub(crate) fn window_blocks<'a>(
        &self,
        now: Timestamp,
        checking: impl Iterator<Item = &'a BlockHash>,
    ) -> WindowSnapshot {
        WindowSnapshot {
            front: self.base,
            blocks: self.window.len(),
            open: runs(self.open.iter().copied()),
            asked: self.asked_blocks(now),
            received: checking
                .filter_map(|hash| self.blocks.get(hash))
                .filter(|wanted| wanted.on_route && matches!(wanted.state, State::Checking { .. }))
                .map(|wanted| wanted.height)
                .collect(),
        }
    }

    fn asked_blocks(&self, now: Timestamp) -> Vec<AskedBlock> {
        let mut asked: Vec<(u64, AskedBlock)> = Vec::new();
        for (peer, source) in &self.sources {
            for (seq, request) in source.waiting() {
                let waited_for = self
                    .blocks
                    .get(&request.hash)
                    .is_some_and(|wanted| wanted.on_route && wanted.state == State::Asked);
                if waited_for {
                    let block = AskedBlock {
                        height: request.height,
                        peer: *peer,
                        waited: now.since(request.at),
                        late: request.due < now,
                    };
                    asked.push((seq, block));
                }
            }
        }
        asked.sort_by_key(|(seq, block)| (block.height, *seq));
        asked.into_iter().map(|(_, block)| block).collect()
    }

    /// How long the oldest request to a peer has been out, and whether any is late.
    pub(crate) fn oldest_request(&self, now: Timestamp, peer: PeerId) -> Option<(Duration, bool)> {
        let source = self.sources.get(&peer)?;
        let oldest = source.waiting().map(|(_, request)| request.at).min()?;
        let late = source.waiting().any(|(_, request)| request.due < now);
        Some((now.since(oldest), late))
    }

    /// Whether a peer was found silent, and has not spoken since.
    pub(crate) fn is_silent(&self, peer: PeerId) -> bool {
        self.sources
            .get(&peer)
            .is_some_and(|source| source.stalled.is_some())
    }

    /// Whether nothing is asked for because our own disk failed.
    pub(crate) fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }
}

/// Ascending heights as runs, first and last.
fn runs(heights: impl Iterator<Item = Height>) -> Vec<(Height, Height)> {
    let mut runs: Vec<(Height, Height)> = Vec::new();
    for height in heights {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == height => *last = height,
            _ => runs.push((height, height)),
        }
    }
    runs
}
