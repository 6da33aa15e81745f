//! The node's validation beside Bitcoin Core's, on random chains.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tipward_oracle::differential::{Pair, Report, Scope, run};
use tipward_primitives::{Network, Params};
use tipward_testkit::build::to_raw;
use tipward_testkit::cases::{self, Verdict};
use tipward_testkit::generate::{ChainGenerator, ChainOptions};
use tipward_validation::Options;

/// Seeds that every run of the tests goes through; for more there is the example `differential`.
const SEEDS: u64 = 12;

#[test]
fn they_agree_on_random_chains() {
    let next = std::sync::atomic::AtomicU64::new(0);
    let work = || {
        let mut reports = Vec::new();
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if seed >= SEEDS {
                return reports;
            }
            reports.push(run(seed, Scope::default()).unwrap_or_else(|d| panic!("{d}")));
        }
    };
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let reports = threads.into_iter().map(|thread| thread.join().unwrap());
        reports.flatten().collect()
    });
    let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    // That they agree means little where nothing happens.
    assert!(sum(|r| r.refused) > 150, "{reports:?}");
    assert!(sum(|r| r.disconnected) > 50, "{reports:?}");
    assert!(sum(|r| r.restarts) > 10, "{reports:?}");
}

#[test]
fn they_judge_every_case_as_it_says() {
    let options = ChainOptions {
        transactions: 0..=8,
        ..ChainOptions::mixed(9, 120, 0)
    };
    let mut chain = ChainGenerator::new(options);
    let mut pair = Pair::new(Params::new(Network::Regtest), Options::default()).unwrap();
    let blocks: Vec<_> = chain.by_ref().collect();
    pair.submit_all(&blocks).unwrap();
    let mut branch = chain.branch().clone();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut wrong = Vec::new();
    for case in cases::all() {
        branch.set_number(branch.number() + 1);
        let Some(block) = case.build(&branch, &mut rng) else {
            wrong.push(format!("{}: no block", case.name));
            continue;
        };
        let answer = match pair.submit(&to_raw(&block)) {
            Ok(answer) => answer,
            Err(what) => {
                wrong.push(format!("{}: {what}", case.name));
                continue;
            }
        };
        let got = match &answer.refused[..] {
            [] if answer.connected == [block.block_hash()] => Verdict::Valid,
            [refusal] if answer.connected.is_empty() => Verdict::Refused(refusal.reason.clone()),
            _ => panic!("{}: {answer:?}", case.name),
        };
        if got != case.verdict {
            wrong.push(format!("{}: {:?}, not {got:?}", case.name, case.verdict));
        }
        if got == Verdict::Valid {
            branch.accept(&block);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    pair.compare_coins().unwrap();
}
