//! Small blocks made of bytes: they are judged, connected and disconnected, and the coins flushed in between, as one map
//! says.

#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tipward_validation::model::Bench;

/// One store for all runs, as opening one takes longer than most runs. Each run takes back all that it does.
static BENCH: LazyLock<Mutex<(Bench, TempDir)>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder");
    Mutex::new((Bench::new(dir.path()), dir))
});

fuzz_target!(|bytes: &[u8]| {
    let mut bench = BENCH.lock().expect("a run that panics is the last");
    bench.0.run(bytes);
});
