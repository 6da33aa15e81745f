//! The library as another program uses it: nodes inside this process, subscribers, the examples.

// A test that cannot go on should panic, and its helpers are compiled without cfg(test).
#![allow(clippy::unwrap_used)]
// Each example has the module that they share; here they stand side by side.
#![allow(clippy::duplicate_mod)]

mod examples;
mod subscriber;
