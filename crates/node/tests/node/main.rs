//! The node and its tools from outside: real processes, real sockets on loopback, real files.

mod dns;
mod dns_server;
mod follow;
mod harness;
mod peers;
mod process;
mod socks_server;
mod sync;
