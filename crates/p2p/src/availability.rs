//! Which peer has which blocks, as far as we know.

use tipward_chain::HeaderId;
use tipward_primitives::{BlockHash, Height};

use crate::io::{ConnKind, DisconnectReason, PeerId};
use crate::peer::Peer;
use crate::shared::Shared;

/// Blocks below its tip that a peer with `NODE_NETWORK_LIMITED` has (BIP159), less two, because its tip may have moved.
const LIMITED_BLOCKS: Height = 288 - 2;

/// The peer has this header, and so all before it.
pub(crate) fn has(shared: &mut Shared, peer: PeerId, id: HeaderId) {
    let work = shared.chain.entry(id).chainwork();
    let known = shared.peers.get(&peer).and_then(|p| p.best_known);
    let better = known.is_none_or(|k| work >= shared.chain.entry(k).chainwork());
    if let Some(p) = shared.open(peer).filter(|_| better) {
        p.best_known = Some(id);
    }
    crate::chain_guard::protect(shared, peer);
}

/// The peer announced a block by its hash alone.
pub(crate) fn announced(shared: &mut Shared, peer: PeerId, hash: BlockHash) {
    resolve(shared, peer);
    match shared.chain.find(&hash) {
        Some(id) => has(shared, peer, id),
        None => {
            if let Some(p) = shared.open(peer) {
                p.last_unknown = Some(hash);
            }
        }
    }
}

/// A block that the peer announced may be known by now.
pub(crate) fn resolve(shared: &mut Shared, peer: PeerId) {
    let found = shared
        .peers
        .get(&peer)
        .and_then(|p| p.last_unknown)
        .and_then(|hash| shared.chain.find(&hash));
    if let Some(id) = found {
        if let Some(p) = shared.open(peer) {
            p.last_unknown = None;
        }
        has(shared, peer, id);
    }
}

/// The peer has told all that it has. As long as we catch up, an outbound peer whose chain is below the network's minimum
/// is of no use (Core's rule).
pub(crate) fn has_no_more(shared: &mut Shared, peer: PeerId) {
    if !shared.is_initial_block_download() {
        return;
    }
    let minimum = shared.chain.params().minimum_chain_work;
    let Some(p) = shared.peers.get(&peer) else {
        return;
    };
    let too_little = p
        .best_known
        .is_none_or(|id| shared.chain.entry(id).chainwork() < minimum);
    if too_little && p.is_replaceable() {
        shared.disconnect(peer, DisconnectReason::BadChain);
    }
}

/// The heights on the way to the best header of which the peer can give us blocks, lowest and highest.
pub(crate) fn range(shared: &Shared, p: &Peer) -> Option<(Height, Height)> {
    if !p.is_ready()
        || !p.can_serve_blocks()
        || matches!(p.kind, ConnKind::Feeler | ConnKind::AddrFetch)
    {
        return None;
    }
    let chain = &shared.chain;
    let best = chain.best_header();
    // No block is fetched before the headers have shown that they are worth it.
    if chain.entry(best).chainwork() < chain.params().minimum_chain_work {
        return None;
    }
    let known = p.best_known?;
    let common = chain.tree().last_common_ancestor(known, best);
    let mut high = chain.height(common);
    if !p.can_serve_witnesses() {
        high = high.min(chain.params().segwit_height.checked_sub(1)?);
    }
    let low = if p.is_limited() {
        chain.height(known).saturating_sub(LIMITED_BLOCKS)
    } else {
        1
    };
    (low <= high).then_some((low, high))
}
