//! A fingerprint of all that the machine did.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tipward_p2p::Action;
use tipward_p2p::wire::Message;
use tipward_primitives::Timestamp;

/// Hashes actions in order. [`DefaultHasher::new`] has fixed keys, so equal runs have equal fingerprints.
#[derive(Clone, Debug, Default)]
pub(super) struct Digest(DefaultHasher);

impl Digest {
    pub(super) fn value(&self) -> u64 {
        self.0.finish()
    }

    pub(super) fn action(&mut self, now: Timestamp, action: &Action) {
        let h = &mut self.0;
        now.hash(h);
        std::mem::discriminant(action).hash(h);
        match action {
            Action::Connect { peer, target, .. } => (peer, target).hash(h),
            Action::Disconnect { peer, reason } => (peer, reason.to_string()).hash(h),
            Action::Send { peer, message } => {
                peer.hash(h);
                self.message(message);
            }
            Action::SetReading { peer, reading } => (peer, reading).hash(h),
            Action::CheckBlock { job, block } => (job.id, job.hash(), block.size()).hash(h),
            Action::Goal(goal) => goal.hash(h),
            Action::MarkBlock(hash, mark) => (hash, mark).hash(h),
            Action::PersistHeaders(headers) => {
                headers.len().hash(h);
                headers.last().map(|x| x.block_hash()).hash(h);
            }
            Action::ReadBlock {
                peer,
                hash,
                witness,
            } => (peer, hash, witness).hash(h),
            Action::Resolve { name, port } => (name, port).hash(h),
            // What is said to people follows from the rest, and saying it takes longer than the rest.
            Action::Publish | Action::Log(_) => {}
            Action::Halt(what) => what.hash(h),
        }
    }

    fn message(&mut self, message: &Message) {
        let h = &mut self.0;
        message.command().hash(h);
        match message {
            Message::GetData(items) | Message::Inv(items) | Message::NotFound(items) => {
                items.hash(h);
            }
            Message::GetHeaders(locator) => (&locator.hashes, locator.stop).hash(h),
            Message::Headers(headers) => {
                headers.len().hash(h);
                headers.last().map(|x| x.block_hash()).hash(h);
            }
            Message::Ping(nonce) | Message::Pong(nonce) => nonce.hash(h),
            Message::Version(version) => version.nonce.hash(h),
            _ => {}
        }
    }
}
