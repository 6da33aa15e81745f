//! The machine among many peers, over many seeds.

use std::sync::OnceLock;

use tipward_testkit::sim::{Report, Scenario, Simulation, World};

/// Runs of the property; every one is a world of its own.
const SEEDS: u64 = 300;
const PEERS: usize = 100;

fn small_world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new(200, 3_000, 1))
}

/// Long enough that a peer's chain has to be weighed before it is kept.
fn long_world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new(2_300, 200, 2))
}

fn scenario(seed: u64) -> Scenario {
    let world = if seed % 20 == 7 {
        long_world()
    } else {
        small_world()
    };
    Scenario::mixed(world, PEERS, seed)
}

fn run(seed: u64, keep_log: bool) -> Report {
    let mut scenario = scenario(seed);
    scenario.keep_log = keep_log;
    Simulation::new(scenario).run()
}

/// Runs one seed, and says which one it was if it fails.
fn check(seed: u64) -> Report {
    let outcome = std::panic::catch_unwind(|| run(seed, false));
    let report = match outcome {
        Ok(report) => report,
        Err(panic) => {
            eprintln!("the run with seed {seed} failed");
            std::panic::resume_unwind(panic);
        }
    };
    if report.synced_after.is_none() {
        let again = run(seed, true);
        let from = again.log.len().saturating_sub(60);
        for line in &again.log[from..] {
            eprintln!("{line}");
        }
        panic!("the run with seed {seed} did not end at the best tip");
    }
    assert!(
        report.peak_credits <= scenario(seed).credit_bytes,
        "the run with seed {seed} took more credits than there are"
    );
    report
}

/// Also, a good part of the runs must have gone astray and come back.
fn all(seeds: impl Iterator<Item = u64>) {
    let invalid = seeds.filter(|seed| check(*seed).invalid > 0).count();
    assert!(invalid > 30, "only {invalid} runs met an invalid block");
}

#[test]
fn every_even_run_ends_at_the_best_valid_tip() {
    all((0..SEEDS).filter(|s| s % 2 == 0));
}

#[test]
fn every_odd_run_ends_at_the_best_valid_tip() {
    all((0..SEEDS).filter(|s| s % 2 == 1));
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [0, 3, 7, 11, 12, 100, 1000] {
        let (one, two) = (run(seed, false), run(seed, false));
        assert_eq!(one, two, "seed {seed}");
    }
    assert_ne!(run(1, false).trace, run(2, false).trace);
}

/// For looking into a run: `TIPWARD_SIM_SEED=87 cargo test -p tipward-testkit --test simulation -- --ignored --nocapture`.
#[test]
#[ignore = "prints the log of one run"]
fn one_run_with_its_log() {
    let seed = std::env::var("TIPWARD_SIM_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let report = run(seed, true);
    for line in &report.log {
        println!("{line}");
    }
    println!("{:?} at {}", report.synced_after, report.tip);
}
