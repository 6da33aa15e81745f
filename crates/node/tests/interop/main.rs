//! tipward and Bitcoin Core, process against process, over real sockets on loopback.
//!
//! These tests run when `BITCOIND_EXE` names a Bitcoin Core daemon, and say that they skip otherwise.

mod bitcoind;
mod cli;
mod coins;
mod feed;
mod mainnet;
mod process;
mod prune;
mod regtest;
mod rpc;
mod shaped;
mod tipward;
