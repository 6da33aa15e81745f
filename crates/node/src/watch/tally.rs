//! Counts what happens, as the driver hears of it.

use tipward_p2p::event::Event;
use tipward_watch::Events;

/// How often what happened since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally(Events);

impl Tally {
    /// Takes note of one event.
    pub(crate) fn note(&mut self, event: &Event) {
        let events = &mut self.0;
        match event {
            Event::HeadersReceived { count, .. } => events.headers_received += *count as u64,
            Event::HeaderRefused { .. } => events.headers_refused += 1,
            Event::BlockRefused { .. } => events.blocks_refused += 1,
            Event::BlockIgnored { .. } => events.blocks_ignored += 1,
            Event::Hedged { .. } => events.hedged += 1,
            Event::Reassigned { count, .. } => events.reassigned += *count as u64,
            Event::Reorganized { disconnected, .. } => {
                events.reorganizations += 1;
                let depth = u32::try_from(*disconnected).unwrap_or(u32::MAX);
                events.deepest_reorganization = events.deepest_reorganization.max(depth);
            }
            Event::Connected { .. } => events.connected += 1,
            Event::ConnectFailed { .. } => events.connect_failed += 1,
            Event::Disconnected { .. } => events.disconnected += 1,
            Event::PeerRefused { .. } => events.refused += 1,
            _ => {}
        }
    }

    /// What was counted; what the collector counts itself is 0.
    pub(crate) fn events(&self) -> Events {
        self.0
    }
}
