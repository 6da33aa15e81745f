//! What others ask of us: headers, blocks, announcements.
//!
//! Blocks are read from disk and sent by the driver, one at a time for each peer, in the order that the peer asked for
//! them, and only while few bytes wait to be sent to it. Peers take turns, so one that asks for everything gets no more
//! than one that asks for a little. While a peer is being served its further messages wait, as in Core; so what it can
//! make us remember is one `getdata`, and a bounded number of messages after it.

use std::collections::{BTreeMap, VecDeque};

use bitcoin::hashes::Hash as _;
use tipward_chain::HeaderId;
use tipward_primitives::{BlockHash, Header, Height};

use crate::io::{Action, DisconnectReason, PeerId};
use crate::permissions::Permissions;
use crate::shared::Shared;
use crate::wire::{Inventory, Locator, MAX_HEADERS, Message, ServiceFlags};

/// Blocks that are being read from disk at a time, for all peers together.
const MOST_READS: usize = 8;
/// Hashes in the answer to `getblocks`.
const MOST_BLOCK_HASHES: usize = 500;
/// Blocks announced together by `headers`; if more are new, the last one is announced by `inv` (BIP130).
const MOST_ANNOUNCED: usize = 8;
/// Blocks outside the active chain are served for a month: whoever still needs them after that is trying to find out who
/// we are. In seconds.
const STALE_RELAY_AGE: u32 = 30 * 24 * 60 * 60;
/// Blocks below its tip that a node with `NODE_NETWORK_LIMITED` has (BIP159), and as many more for who has not heard of the
/// last ones yet.
const LIMITED_BLOCKS: Height = 288;
const RACE: Height = 2;
/// A block that is so much older than the best header is asked for by who catches up. In seconds.
const HISTORICAL: u32 = 7 * 24 * 60 * 60;
/// A block that is told of by `getblocks` should still be there when it is asked for, an hour later.
const LIKELY_KEPT: u32 = 60 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    hash: BlockHash,
    witness: bool,
}

#[derive(Debug, Default)]
struct Queue {
    blocks: VecDeque<Wanted>,
    reading: bool,
    /// In `Serve::turn`.
    queued: bool,
}

/// The serving of blocks.
#[derive(Debug, Default)]
pub(crate) struct Serve {
    queues: BTreeMap<PeerId, Queue>,
    turn: VecDeque<PeerId>,
    reads: usize,
}

impl Serve {
    /// Whether a request of this peer is still being answered.
    pub(crate) fn is_busy(&self, peer: PeerId) -> bool {
        self.queues.contains_key(&peer)
    }

    pub(crate) fn leave(&mut self, peer: PeerId) {
        if let Some(queue) = self.queues.remove(&peer) {
            self.reads -= usize::from(queue.reading);
        }
    }

    /// `getdata`.
    pub(crate) fn get_data(&mut self, shared: &mut Shared, peer: PeerId, wanted: Vec<Inventory>) {
        let mut lacking = Vec::new();
        let mut blocks = VecDeque::new();
        // Whoever may have only our last blocks gets nothing else, stored or not: what is not answered shows how far back
        // our blocks go, and that would tell us apart (Core's rule).
        let may = shared
            .peers
            .get(&peer)
            .map_or_else(Permissions::default, |p| p.permissions);
        if !may.noban && wanted.iter().any(|item| is_beyond_limit(shared, item)) {
            return shared.disconnect(peer, DisconnectReason::BeyondLimit);
        }
        if !may.download
            && shared.upload.withholds_old_blocks(shared.now)
            && wanted.iter().any(|item| is_old(shared, item))
        {
            return shared.disconnect(peer, DisconnectReason::UploadTarget);
        }
        for item in wanted {
            let (hash, witness) = match item {
                Inventory::Block(hash) => (hash, false),
                // A compact block may always be answered by a full one (BIP152).
                Inventory::WitnessBlock(hash) | Inventory::CompactBlock(hash) => (hash, true),
                Inventory::Transaction(_)
                | Inventory::WTx(_)
                | Inventory::WitnessTransaction(_) => {
                    lacking.push(item);
                    continue;
                }
                Inventory::Error | Inventory::Unknown { .. } => continue,
            };
            if may_serve(shared, &hash) {
                blocks.push_back(Wanted { hash, witness });
            } else {
                lacking.push(item);
            }
        }
        if !lacking.is_empty() {
            shared.send(peer, Message::NotFound(lacking));
        }
        if !blocks.is_empty() {
            let queue = self.queues.entry(peer).or_default();
            queue.blocks.append(&mut blocks);
            if !queue.queued {
                queue.queued = true;
                self.turn.push_back(peer);
            }
            self.pump(shared);
        }
    }

    /// The driver has read a block, or could not.
    pub(crate) fn served(
        &mut self,
        shared: &mut Shared,
        peer: PeerId,
        hash: BlockHash,
        found: bool,
    ) {
        if !found {
            shared.send(peer, Message::NotFound(vec![Inventory::WitnessBlock(hash)]));
        }
        if let Some(queue) = self.queues.get_mut(&peer) {
            if queue.reading {
                queue.reading = false;
                self.reads -= 1;
            }
            if queue.blocks.is_empty() {
                self.queues.remove(&peer);
            } else if !queue.queued {
                queue.queued = true;
                self.turn.push_back(peer);
            }
        }
        self.pump(shared);
    }

    /// Bytes left for a peer: perhaps there is room for its next block.
    pub(crate) fn drained(&mut self, shared: &mut Shared, peer: PeerId) {
        if let Some(queue) = self.queues.get_mut(&peer) {
            if !queue.queued && !queue.reading {
                queue.queued = true;
                self.turn.push_back(peer);
            }
            self.pump(shared);
        }
    }

    fn pump(&mut self, shared: &mut Shared) {
        while self.reads < MOST_READS {
            let Some(peer) = self.turn.pop_front() else {
                return;
            };
            let Some(queue) = self.queues.get_mut(&peer) else {
                continue;
            };
            queue.queued = false;
            let room = shared
                .peers
                .get(&peer)
                .is_some_and(|p| p.closing.is_none() && p.send_queue < shared.config.send_buffer);
            if queue.reading || !room {
                continue;
            }
            if let Some(next) = queue.blocks.pop_front() {
                queue.reading = true;
                self.reads += 1;
                shared.act(Action::ReadBlock {
                    peer,
                    hash: next.hash,
                    witness: next.witness,
                });
            }
        }
    }
}

/// Whether a peer asks for a block that lies further below our tip than a node with `NODE_NETWORK_LIMITED` alone has to serve
/// (BIP159).
fn is_beyond_limit(shared: &Shared, item: &Inventory) -> bool {
    let services = shared.config.services;
    if services.has(ServiceFlags::NETWORK) || !services.has(ServiceFlags::NETWORK_LIMITED) {
        return false;
    }
    let chain = &shared.chain;
    block_of(shared, item).is_some_and(|id| {
        let hash = &chain.hash(id);
        let depth = chain.tip_height().saturating_sub(chain.height(id));
        may_serve(shared, hash) && depth > LIMITED_BLOCKS + RACE
    })
}

/// Whether a peer asks for a block that only who catches up asks for.
fn is_old(shared: &Shared, item: &Inventory) -> bool {
    let chain = &shared.chain;
    let best = chain.entry(chain.best_header()).time();
    block_of(shared, item)
        .is_some_and(|id| best.saturating_sub(chain.entry(id).time()) > HISTORICAL)
}

/// The block that is asked for, if it is known.
fn block_of(shared: &Shared, item: &Inventory) -> Option<HeaderId> {
    match item {
        Inventory::Block(hash) | Inventory::WitnessBlock(hash) | Inventory::CompactBlock(hash) => {
            shared.chain.find(hash)
        }
        _ => None,
    }
}

/// Whether a block may be shown: part of the active chain, or of a branch that was validated and is not too old, by its
/// time and by the work on top of it (Core's `BlockRequestAllowed`).
fn may_serve(shared: &Shared, hash: &BlockHash) -> bool {
    let chain = &shared.chain;
    let Some(id) = chain.find(hash) else {
        return false;
    };
    let best_time = chain.entry(chain.best_header()).time();
    chain.is_active(id)
        || (chain.is_validated(id)
            && best_time.saturating_sub(chain.entry(id).time()) < STALE_RELAY_AGE
            && !chain.is_buried_for(id, STALE_RELAY_AGE))
}

/// `getheaders`.
pub(crate) fn get_headers(shared: &mut Shared, peer: PeerId, locator: &Locator) {
    // Whoever synchronizes would have to drop a chain with less work than the minimum anyway. An empty answer tells it to
    // go elsewhere without taking us for dead.
    let may_download = shared
        .peers
        .get(&peer)
        .is_some_and(|p| p.permissions.download);
    if !may_download && !shared.chain.has_minimum_work() {
        shared.send(peer, Message::Headers(Vec::new()));
        return;
    }
    let headers = shared
        .chain
        .headers_after(&locator.hashes, locator.stop, MAX_HEADERS);
    if locator.hashes.is_empty() && headers.is_empty() {
        return;
    }
    let last = headers
        .last()
        .and_then(|h| shared.chain.find(&h.block_hash()))
        .unwrap_or_else(|| shared.chain.tip());
    if let Some(p) = shared.open(peer) {
        p.best_sent = Some(last);
    }
    shared.send(peer, Message::Headers(headers));
}

/// `getblocks`, the older way: hashes of the blocks after the last common one.
pub(crate) fn get_blocks(shared: &mut Shared, peer: PeerId, locator: &Locator) {
    let chain = &shared.chain;
    let first = chain.height(chain.find_locator(&locator.hashes)) + 1;
    let kept = LIMITED_BLOCKS - LIKELY_KEPT / chain.params().pow_target_spacing;
    let limited = !shared.config.services.has(ServiceFlags::NETWORK);
    let may_be_gone = |height: Height| limited && height + kept <= chain.tip_height();
    let mut hashes = Vec::new();
    for height in first..=chain.tip_height() {
        let Some(hash) = chain.hash_at(height) else {
            break;
        };
        if hash == locator.stop || hashes.len() == MOST_BLOCK_HASHES || may_be_gone(height) {
            break;
        }
        hashes.push(Inventory::Block(hash));
    }
    if !hashes.is_empty() {
        shared.send(peer, Message::Inv(hashes));
    }
}

/// Tells everybody of the active chain's new blocks, lowest first.
pub(crate) fn announce(shared: &mut Shared, new: &[HeaderId]) {
    let Some(&tip) = new.last() else { return };
    let peers: Vec<PeerId> = shared.ready().map(|p| p.id).collect();
    for peer in peers {
        announce_to(shared, peer, new, tip);
    }
}

fn announce_to(shared: &mut Shared, peer: PeerId, new: &[HeaderId], tip: HeaderId) {
    if peer_has(shared, peer, tip) {
        return;
    }
    let prefers_headers = shared.peers.get(&peer).is_some_and(|p| p.prefers_headers);
    let unknown: Vec<HeaderId> = new
        .iter()
        .copied()
        .filter(|id| !peer_has(shared, peer, *id))
        .collect();
    let connects = unknown.first().is_some_and(|first| {
        shared
            .chain
            .tree()
            .parent(*first)
            .is_none_or(|parent| peer_has(shared, peer, parent))
    });
    if prefers_headers && connects && unknown.len() <= MOST_ANNOUNCED {
        let headers: Vec<Header> = unknown.iter().map(|id| shared.chain.header(*id)).collect();
        if let Some(p) = shared.open(peer) {
            p.best_sent = Some(tip);
        }
        shared.send(peer, Message::Headers(headers));
    } else {
        let hash = shared.chain.hash(tip);
        shared.send(peer, Message::Inv(vec![Inventory::Block(hash)]));
    }
}

/// Whether the peer is known to have a header: it told us, or we told it.
fn peer_has(shared: &Shared, peer: PeerId, id: HeaderId) -> bool {
    let Some(p) = shared.peers.get(&peer) else {
        return false;
    };
    let tree = shared.chain.tree();
    p.best_known.is_some_and(|best| tree.is_ancestor(id, best))
        || p.best_sent.is_some_and(|best| tree.is_ancestor(id, best))
}

/// The `stop` that means: as many as fit.
pub(crate) fn no_stop() -> BlockHash {
    BlockHash::all_zeros()
}
