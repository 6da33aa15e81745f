//! Chains whose work has to be shown before they are kept.

use rand::RngExt as _;
use tipward_chain::presync::End;
use tipward_chain::{HeaderId, Presync, PresyncPhase};
use tipward_primitives::Header;

use super::{HeaderSync, Why, get_headers};
use crate::availability;
use crate::event::Event;
use crate::io::PeerId;
use crate::serve::no_stop;
use crate::shared::Shared;

/// What a running weighing made of headers.
pub(super) enum Weighed {
    /// None runs with this peer.
    No,
    /// These have proved their work, perhaps none yet.
    Proven(Vec<Header>),
    /// They are not of the chain that is weighed; it is over.
    Failed,
}

impl HeaderSync {
    /// Hands headers to the weighing that runs with this peer, if one does.
    pub(super) fn weigh(
        &mut self,
        shared: &mut Shared,
        peer: PeerId,
        headers: &[Header],
        full: bool,
    ) -> Weighed {
        let Some(running) = self.running.as_mut().filter(|r| r.peer == peer) else {
            return Weighed::No;
        };
        let Some(presync) = running.presync.as_mut() else {
            return Weighed::No;
        };
        let outcome = presync.process(headers, full);
        let height = presync.height();
        let redownload = presync.phase() == PresyncPhase::Redownload;
        if outcome.end.is_some() {
            running.presync = None;
        }
        if let Some(End::Failed(failure)) = outcome.end {
            shared.note(peer, format!("Weighing its chain failed: {failure}"));
            return Weighed::Failed;
        }
        if let Some(p) = shared.open(peer) {
            p.getheaders_out = None;
        }
        if let Some(height) = height {
            shared.log(Event::Presync {
                peer,
                height,
                redownload,
            });
        }
        if let Some(locator) = outcome.request_more {
            get_headers(shared, peer, locator, no_stop());
        }
        match outcome.end {
            Some(End::TooLittleWork) => {
                availability::has_no_more(shared, peer);
                self.end(shared, "its chain has too little work");
            }
            Some(End::StoppedShort) => self.end(shared, "it left its chain"),
            _ => {}
        }
        Weighed::Proven(outcome.accepted)
    }

    /// The headers' claimed work is not enough to keep them.
    pub(super) fn low_work(
        &mut self,
        shared: &mut Shared,
        peer: PeerId,
        start: HeaderId,
        headers: &[Header],
        full: bool,
    ) {
        if !full {
            // It has no more, so this is all the work there is.
            shared.note(
                peer,
                format!(
                    "Ignoring low-work chain (height={})",
                    shared.chain.height(start) as usize + headers.len()
                ),
            );
            availability::has_no_more(shared, peer);
            self.fail(shared, peer, "its chain has too little work");
            return;
        }
        if self.running.is_none() {
            self.start(shared, peer);
        }
        let secret = shared.rng.random();
        match self.running.as_mut() {
            Some(running) if running.peer == peer => {
                running.presync = Some(Presync::new(&shared.chain, start, shared.now, secret));
                self.weigh(shared, peer, headers, full);
            }
            // One chain at a time is weighed.
            _ => self.want(shared, peer, Why::More),
        }
    }
}
