//! Races to the tip at mainnet's scale, in virtual time: the node's own network machine beside Core's policy and the one
//! that tutorials teach. See the module `race`.
//!
//! `sync-race [--step N] [--seed N] [--own MBIT] [--peers N] [--log FILE] [--out DIR]` runs every pair of crowd and line of our own, with every N-th of
//! mainnet's blocks (1; `--log`: what the last of our machines said), prints a table, and writes `sync-race.csv` and `sync-race.svg`. `sync-race lines A|B|C [log]` runs
//! the crowds of `tipward bench network`.

#![allow(clippy::expect_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tipward_testkit::race::{Chain, Core, Crowd, Line, Ours, Report, Scenario, Tutorial, run};

mod picture;

/// Our own line, in Mbit/s.
const OWN: [u32; 2] = [1000, 100];
/// Peers at a time.
const PEERS: [usize; 3] = [10, 40, 125];
/// A race is given up when it took so many times what the line needs for the bytes.
const GIVEN_UP: f64 = 25.0;

/// One race.
struct Outcome {
    own: u32,
    peers: usize,
    policy: &'static str,
    report: Report,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == "lines") {
        return lines(&arguments[1..]);
    }
    let option = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, default: u64| {
        option(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let out = PathBuf::from(option("--out").unwrap_or_else(|| ".".to_owned()));
    let chain = Arc::new(Chain::mainnet(number("--step", 1) as u32));
    let only: Option<usize> = option("--peers").map(|text| text.parse().expect("a number"));
    println!(
        "{} blocks, {:.1} GB",
        chain.tip(),
        chain.bytes() as f64 / 1e9
    );
    println!(
        "own line  peers  policy    hours  utilisation  twice  dropped  first block  computed in"
    );
    let log = option("--log");
    let mut outcomes = Vec::new();
    let own_only: Option<u32> = option("--own").map(|text| text.parse().expect("a number"));
    for own in OWN
        .into_iter()
        .filter(|own| own_only.is_none_or(|o| o == *own))
    {
        for peers in PEERS
            .into_iter()
            .filter(|peers| only.is_none_or(|o| o == *peers))
        {
            let bytes_per_second = f64::from(own) * 1e6 / 8.0;
            let scenario = Scenario {
                chain: Arc::clone(&chain),
                crowd: Crowd::Drawn(peers),
                own: bytes_per_second,
                busy: Duration::ZERO,
                seed: number("--seed", 1),
                time_limit: Duration::from_secs_f64(
                    chain.bytes() as f64 / bytes_per_second * GIVEN_UP,
                ),
            };
            for policy in ["tipward", "Core", "tutorial"] {
                let begun = Instant::now();
                let report = match policy {
                    "Core" => run(&scenario, &mut Core::new(Arc::clone(&chain))),
                    "tutorial" => run(&scenario, &mut Tutorial::new(Arc::clone(&chain))),
                    _ => {
                        let mut ours = Ours::new(Arc::clone(&chain), scenario.seed);
                        if let Some(path) = &log {
                            ours.keep_log();
                            let report = run(&scenario, &mut ours);
                            std::fs::write(path, ours.log().join("\n")).expect("a log");
                            report
                        } else {
                            run(&scenario, &mut ours)
                        }
                    }
                };
                println!(
                    "{own:>4} Mbit {peers:>5}  {policy:<8} {:>6.2}{} {:>10.1} % {:>4.2} %  {:>7}  {:>9.1} s  {:>6.1} s",
                    report.took.as_secs_f64() / 3600.0,
                    if report.finished { ' ' } else { '+' },
                    report.utilisation() * 100.0,
                    report.wasted as f64 / report.bytes as f64 * 100.0,
                    report.dropped,
                    report.first_block.unwrap_or_default().as_secs_f64(),
                    begun.elapsed().as_secs_f64(),
                );
                outcomes.push(Outcome {
                    own,
                    peers,
                    policy,
                    report,
                });
            }
        }
    }
    picture::write(&out, &outcomes).expect("the results can be written");
}

/// The crowds of `tipward bench network`.
fn lines(arguments: &[String]) {
    let mb = 1e6;
    let name = arguments.first().map_or("A", String::as_str);
    let lines = match name {
        "B" => vec![Line::new(30.0 * mb, 200)],
        "C" => vec![
            Line::new(8.0 * mb, 60),
            Line::new(8.0 * mb, 60),
            Line::new(8.0 * mb, 60),
            Line::new(mb, 200),
            Line::new(mb / 2.0, 300),
            Line::new(8.0 * mb, 60).silent_after(24),
            Line::new(8.0 * mb, 60).silent_after(48),
        ],
        _ => vec![Line::new(4.0 * mb, 100); 8],
    };
    let chain = Arc::new(Chain::uniform(400, 990_000));
    let scenario = Scenario {
        chain: Arc::clone(&chain),
        crowd: Crowd::Named(lines),
        own: 1e9,
        busy: Duration::ZERO,
        seed: 1,
        time_limit: Duration::from_secs(1000),
    };
    let mut ours = Ours::new(chain, 1);
    if arguments.len() > 1 {
        ours.keep_log();
    }
    let report = run(&scenario, &mut ours);
    for line in ours.log() {
        println!("{line}");
    }
    println!(
        "{name}: {:.2} s, {:.3} of the time that the lines need, {:.1} MB twice, {} dropped, {} left",
        report.took.as_secs_f64(),
        1.0 / report.utilisation(),
        report.wasted as f64 / mb,
        report.dropped,
        scenario.chain.bytes() - report.bytes,
    );
}
