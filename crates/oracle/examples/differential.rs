//! Holds the node's validation against Bitcoin Core's on as many random chains as wanted:
//! `cargo run -p tipward-oracle --example differential -- --seeds 1000 [--first 0] [--steps 80]`.
//!
//! Prints every seed that shows a disagreement, with the step and what was done; then the exit code is 1.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tipward_oracle::differential::{Scope, run};

fn main() -> ExitCode {
    let mut first = 0;
    let mut seeds = 100;
    let mut scope = Scope::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (&name[..], value) {
            ("--first", Some(value)) => first = value,
            ("--seeds", Some(value)) => seeds = value,
            ("--steps", Some(value)) => scope.steps = value as usize,
            _ => {
                eprintln!("usage: differential [--seeds N] [--first N] [--steps N]");
                return ExitCode::from(2);
            }
        }
    }
    let next = AtomicU64::new(first);
    let disagreements = AtomicU64::new(0);
    let blocks = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope_of_threads| {
        for _ in 0..threads {
            scope_of_threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    match run(seed, scope) {
                        Ok(report) => {
                            let all = blocks.fetch_add(report.blocks as u64, Ordering::Relaxed);
                            println!("seed {seed}: {report:?}; {all} blocks before");
                        }
                        Err(disagreement) => {
                            disagreements.fetch_add(1, Ordering::Relaxed);
                            println!("DISAGREEMENT: {disagreement}");
                        }
                    }
                }
            });
        }
    });
    let disagreements = disagreements.into_inner();
    println!(
        "{seeds} seeds, {} blocks, {disagreements} disagreements",
        blocks.into_inner()
    );
    ExitCode::from(u8::from(disagreements > 0))
}
