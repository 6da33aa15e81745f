mod blocks;
mod connect;
mod handshake;
mod harness;
mod headers;
mod permissions;
mod serving;
