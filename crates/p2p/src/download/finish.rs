//! The last blocks: whoever has nothing to do fetches what others will be long about.

use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::schedule::Request;
use super::{Download, MOST_HOLDERS, State};

/// All requests are gone through, so not for every block that comes.
const INTERVAL: Duration = Duration::from_millis(100);
/// A second copy is worth it if it comes so much earlier, on top of half the time that it takes.
const WORTH: Duration = Duration::from_millis(250);

/// A block that is owed.
struct Owed {
    left: Duration,
    height: Height,
    hash: BlockHash,
}

impl Download {
    /// Nothing is left to be asked for. A peer with room is asked for the block that would come last, if it will be clearly
    /// faster; so nobody sits on more than the others when the chain ends, whatever it was given before it was known.
    pub(super) fn help_out(&mut self, now: Timestamp, requests: &mut Vec<Request>) {
        let is_owed = self.credits.asked() > 0;
        if !is_owed || self.queue.is_empty() || now < self.helped_out + INTERVAL {
            return;
        }
        self.helped_out = now;
        let mut owed = self.last_to_come(now);
        for peer in self.queue.clone() {
            let Some(source) = self.sources.get(&peer) else {
                continue;
            };
            let bytes = source.block_size(&self.size);
            if !source.usable(now) || source.room(u64::MAX, bytes, bytes) == 0 {
                continue;
            }
            if self.credits.free() < bytes {
                continue;
            }
            let by_peer = source.time_for_another(now, bytes);
            let worth = by_peer + by_peer / 2 + WORTH;
            let Some(at) = owed.iter().rposition(|o| {
                o.left > worth && source.has(o.height) && !source.was_asked(&o.hash)
            }) else {
                continue;
            };
            let Owed { height, hash, .. } = owed.remove(at);
            self.ask(now, peer, height, hash);
            requests.push(Request {
                peer,
                blocks: vec![(height, hash)],
            });
        }
    }

    /// Blocks of the window that may be asked of one more peer, that which comes last at the end.
    fn last_to_come(&self, now: Timestamp) -> Vec<Owed> {
        let mut owed: Vec<Owed> = Vec::new();
        for source in self.sources.values() {
            owed.extend(source.times_left(now).map(|(asked, left)| Owed {
                left,
                height: asked.height,
                hash: asked.hash,
            }));
        }
        // Of several copies the first counts.
        owed.sort_by_key(|owed| (owed.hash, owed.left));
        owed.dedup_by_key(|owed| owed.hash);
        owed.retain(|owed| {
            self.blocks.get(&owed.hash).is_some_and(|wanted| {
                wanted.on_route
                    && wanted.state == State::Asked
                    && wanted.holders.len() < MOST_HOLDERS
            })
        });
        owed.sort_by_key(|owed| (owed.left, owed.height));
        owed
    }
}
