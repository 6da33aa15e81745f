//! The server over real sockets, on a small real chain.

mod answers;
mod commands;
mod fake;
mod http;
mod neighbour;
mod protocol;
mod server;
mod wait;
