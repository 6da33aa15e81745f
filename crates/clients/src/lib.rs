//! Programs that nobody here wrote, made for Bitcoin Core and driven against a node of ours: what they understand, other
//! programs will.
//!
//! ```text
//!   bitcoincore-rpc      typed calls ─┐
//!   bdk_bitcoind_rpc     Emitter ─────┼──▶ HTTP ──▶ a regtest node (`tipward::Node`) in the same process
//!   python-bitcoinrpc    a script ────┘                 │
//!   pyzmq                a script ◀──────── ZMQ ────────┘
//!
//!   corepc-node          typed calls ─────▶ HTTP ──▶ the program, which it starts as if it were a bitcoind
//! ```
//!
//! There are only tests here (and the program once more, for the harness to start), in a crate of their own so that those libraries are no part of anything else. What is needed
//! besides (Python) is looked for; where it is missing a test says so and passes, but fails in CI.
