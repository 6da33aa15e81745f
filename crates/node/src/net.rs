//! Sockets: how connections come to stand, how bytes become inputs of the peer-to-peer machine, and how its actions are
//! carried out.

pub mod dns;
