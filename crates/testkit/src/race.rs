//! A race to the tip at mainnet's scale: hundreds of thousands of blocks of their real sizes, on virtual time.
//!
//! Where [`crate::sim`] asks whether the node's network machine is right whatever peers do, a race asks whether it is
//! fast: how much of what the lines could have carried did carry blocks. The machine is the one that the node runs; beside
//! it run the policies of others in the same world ([`core`], [`tutorial`]). No block is ever made: what arrives is a
//! header and as many bytes of untouched memory as the block would have.
//!
//! ```text
//!   Scenario: chain, crowd, our line, seed
//!       |
//!       v
//!   Race: events by time --- Event (came, left, answer) ---> Policy: ours, Core's, the tutorial's
//!       ^                                                        |
//!       |                                                        |
//!       '--- Link: max-min fair shares <--- Command (ask) -------'
//! ```
//!
//! # The model
//!
//! - A peer's line carries so many bytes a second ([`Line`]), answers leave it in the order of the requests, and each way
//!   takes half a round trip. Our own line is shared max-min fairly among those that send, as TCP does in the long run.
//!   That TCP starts slowly is left out, and so are losses, for everybody alike.
//! - Peers come and go, and some fall silent: they take requests for blocks and never answer, though they answer all
//!   else; or, worse, they answer with bytes without end. Whoever leaves, or is dropped, is replaced after a while by another one.
//! - Checking and storing a block takes little time, connecting none that matters: a race is about the network.
//!
//! # What is counted
//!
//! The *utilisation* is the chain's size over what could have been carried from the first connection to the last block:
//! the time integral of our own line's rate, or of all connected peers' lines together where those are slower, peers that
//! have fallen silent left out. Connecting, headers, and blocks that came twice all count as lost.

mod chain;
mod core;
mod crowd;
mod link;
mod ours;
mod policy;
mod tutorial;
mod world;

#[cfg(test)]
mod tests;

pub use self::chain::Chain;
pub use self::core::Core;
pub use self::crowd::{Crowd, Line};
pub use self::ours::Ours;
pub use self::policy::{Ask, Command, Event, Peer, Policy};
pub use self::tutorial::Tutorial;
pub use self::world::{Report, Scenario, run};
