//! What happens in a run, in the order of its times.

use tipward_chain::BlockVerdict;
use tipward_p2p::PeerId;
use tipward_p2p::wire::Message;
use tipward_primitives::Timestamp;

use super::peer::Out;

/// Something happens.
#[derive(Debug)]
pub(super) enum Event {
    /// A peer comes.
    Come(usize),
    /// A peer goes.
    Go(usize, PeerId),
    /// A message of ours arrives at a peer.
    AtPeer(usize, PeerId, Message),
    /// Part of a message of a peer arrives at our node.
    Part(usize, PeerId, usize),
    /// All of it has reached our line.
    AtLine(usize, PeerId, Box<Out>),
    /// All of it is through.
    AtNode(usize, PeerId, Box<Out>),
    /// The connection was closed by our node and is gone.
    Closed(PeerId),
    /// A verdict is there.
    Verdict(BlockVerdict),
    /// Validation goes on.
    Connect,
    /// Something happens in the world.
    World(usize),
    /// A message of ours has left.
    Left(PeerId, &'static str, usize),
    /// Time for the machine to wake up.
    Wake,
}

/// An event at its time; of several at one time, the first that was scheduled comes first.
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) seq: u64,
    pub(super) event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}
