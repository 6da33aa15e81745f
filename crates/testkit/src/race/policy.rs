//! What a race asks of whoever decides what is fetched from whom.

use tipward_primitives::{Height, Timestamp};

/// A connection. Numbers are never used again.
pub type Peer = u64;

/// Something to ask of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Our greeting; the answer is the peer's.
    Hello,
    /// A ping with a number.
    Ping(u64),
    /// The headers after this height, up to that, as many as fit into a message.
    Headers(Height, Height),
    /// One block.
    Block(Height),
}

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection stands.
    Came(Peer),
    /// A connection is gone.
    Left(Peer),
    /// The answer to a request is here.
    Answer(Peer, Ask),
    /// A part of a long answer is here: so many bytes since the last report.
    Part(Peer, u64),
    /// [`Command::Wake`] was given for now, with this number.
    Wake(u64),
}

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ask a peer.
    Ask(Peer, Ask),
    /// Close a connection.
    Drop(Peer),
    /// Read from a connection, or do not.
    Read(Peer, bool),
    /// Say [`Event::Wake`] at this time.
    Wake(Timestamp, u64),
}

/// Decides what is fetched from whom.
pub trait Policy {
    /// Takes note of what happened; what is to be done goes to `out`, in order.
    fn input(&mut self, now: Timestamp, event: Event, out: &mut Vec<Command>);
}
