//! The peer-to-peer machine, sans-IO: what happened goes in, what to do comes out.

// `mod io` joins as soon as `addr`, `wire` and `event` stand.

pub mod addr;
pub mod addrman;
pub mod banman;
pub mod conn;
pub mod netgroup;
pub mod sealed;
pub mod transport;
pub mod wire;
