//! Asking for headers.

use std::time::Duration;

use tipward_primitives::BlockHash;

use crate::io::PeerId;
use crate::serve::no_stop;
use crate::shared::Shared;
use crate::wire::{Locator, Message};

/// A second `getheaders` before the first was answered has to wait for this long (Core's `HEADERS_RESPONSE_TIME`).
const RESPONSE_TIME: Duration = Duration::from_secs(2 * 60);
/// The chain is taken to be nearly complete when its best header is younger than this, in seconds.
const RECENT: u64 = 24 * 60 * 60;

/// Asks for our best header alone.
pub(super) fn probe(shared: &mut Shared, peer: PeerId) {
    let chain = &shared.chain;
    let best = chain.best_header();
    let Some(parent) = chain.tree().parent(best) else {
        return;
    };
    let locator = chain.locator(parent);
    // Near the tip an answer with all that follows is better, and no longer.
    let stop = if is_recent(shared) {
        no_stop()
    } else {
        chain.hash(best)
    };
    get_headers(shared, peer, locator, stop);
}

/// Sends `getheaders`, unless one is out that was not answered yet.
pub(crate) fn get_headers(
    shared: &mut Shared,
    peer: PeerId,
    locator: Vec<BlockHash>,
    stop: BlockHash,
) -> bool {
    let now = shared.now;
    let Some(p) = shared.open(peer) else {
        return false;
    };
    if p.getheaders_out.is_some_and(|t| now < t + RESPONSE_TIME) {
        return false;
    }
    p.getheaders_out = Some(now);
    p.getheaders_stop = (stop != no_stop()).then_some(stop);
    let protocol = p.common_version();
    shared.send(
        peer,
        Message::GetHeaders(Locator {
            protocol,
            hashes: locator,
            stop,
        }),
    );
    true
}

/// Whether the best header is less than a day old.
pub(crate) fn is_recent(shared: &Shared) -> bool {
    let time = u64::from(shared.chain.entry(shared.chain.best_header()).time());
    shared.now.as_secs().saturating_sub(time) < RECENT
}
