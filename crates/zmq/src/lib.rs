//! ZeroMQ's publishing socket (PUB), as far as a node needs one.
//!
//! ```text
//!   Publisher::send ──▶ for each subscriber whose topics match: Queue ──▶ its writer ──▶ TCP or Unix socket
//!                                                       full? dropped       ▲ PONG
//!   Publisher::bind ──▶ accept ──▶ greeting, READY ──▶ its reader: topics, PING
//! ```
//!
//! The protocol is ZMTP 3.1 (<https://rfc.zeromq.org/spec/37/>), with the mechanism NULL, which every ZeroMQ library since 2013
//! speaks; subscriptions in the older form of 3.0 are understood, too.
//!
//! Nobody's slowness is anybody else's business: a subscriber whose queue is full is given [`PATIENCE`] once, and loses what
//! comes until it has made room. Messages are counted by the receiver (Bitcoin Core's have a sequence number), so that it
//! knows what it has lost.
//!
//! # Bounds
//! [`MOST_SUBSCRIBERS`] on a socket. Of each: messages as many as the publisher says, and at most [`MOST_BYTES`] of them (or a
//! single message); a hundred topics of 255 bytes; frames that it sends of at most 1 KiB; ten seconds for its handshake.

mod endpoint;
mod frame;
mod message;
mod publisher;
mod queue;
mod subscriber;

#[cfg(test)]
mod tests;

pub use endpoint::{BadEndpoint, Endpoint};
pub use message::Message;
pub use publisher::Publisher;
pub use queue::{MOST_BYTES, PATIENCE};
pub use subscriber::MOST_SUBSCRIBERS;
