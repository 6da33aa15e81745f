//! Whatever is added, spent, read ahead, frozen, written in part and lost, the coin cache over its store says what one
//! map says.

#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tipward_coins::model::{Bench, scratch};

/// One store for all runs, as opening one takes longer than most runs. Each run has coins of its own, so that what it
/// does depends on its bytes alone.
static BENCH: LazyLock<Mutex<(Bench, TempDir)>> = LazyLock::new(|| {
    let dir = scratch().expect("a folder");
    Mutex::new((Bench::new(dir.path()), dir))
});

fuzz_target!(|bytes: &[u8]| {
    let mut bench = BENCH.lock().expect("a run that panics is the last");
    bench.0.run(bytes);
});
