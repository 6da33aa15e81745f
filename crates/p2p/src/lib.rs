//! The peer-to-peer machine, sans-IO: what happened goes in, what to do comes out.

// `mod io` joins as soon as `addr`, `wire` and `event` stand.

pub mod addr;
pub mod addrman;
pub mod netgroup;
pub mod transport;
pub mod wire;
