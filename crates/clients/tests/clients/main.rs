//! See the library's page.

// Helpers of tests are tests to a reader, though not to the lint.
#![allow(clippy::unwrap_used)]

mod bdk;
mod corepc;
mod node;
mod python;
mod typed;
