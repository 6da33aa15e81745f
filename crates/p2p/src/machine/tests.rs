mod blocks;
mod handshake;
mod harness;
mod headers;
mod serving;
