use super::*;

const MB: u64 = 1_000_000;

/// A sync of a chain of equal blocks, `megabytes` of them, each a megabyte.
struct Run {
    estimator: Estimator,
    gauge: Gauge,
    chain: u64,
}

impl Run {
    fn new(network: &str, chain: u64) -> Self {
        Self {
            estimator: Estimator::new(network),
            gauge: Gauge::default(),
            chain,
        }
    }

    /// A second in which so many blocks were stored, and so many validated.
    fn second(&mut self, stored: u64, validated: u64) -> Estimate {
        let gauge = &mut self.gauge;
        gauge.at += Duration::from_secs(1);
        gauge.totals.blocks_stored += stored;
        gauge.totals.bytes_stored += stored * MB;
        gauge.totals.blocks_validated += validated;
        gauge.totals.bytes_validated += validated * MB;
        gauge.bytes_validated = gauge.totals.bytes_validated;
        gauge.bytes_waiting = gauge.totals.bytes_stored - gauge.totals.bytes_validated;
        let next = gauge.totals.blocks_stored + 1;
        gauge.missing = (next as u32, self.chain as u32, self.chain + 1 - next);
        gauge.done = gauge.totals.blocks_validated == self.chain;
        self.estimator.add(gauge)
    }
}

#[test]
fn the_time_left_is_that_of_the_slower_half() {
    let mut run = Run::new("regtest", 10_000);
    let mut estimate = Estimate::default();
    for _ in 0..30 {
        estimate = run.second(10, 5);
    }
    // 10,000 blocks, 150 validated, five a second.
    let left = estimate.left.unwrap().as_secs_f64();
    assert!((left - 9_850.0 / 5.0).abs() < 100.0, "{left}");
    assert_eq!(estimate.limit, Limit::Validation);
    assert!((estimate.rates.bytes_stored - 10e6).abs() < 1e3);

    let mut run = Run::new("regtest", 10_000);
    for _ in 0..30 {
        estimate = run.second(10, 10);
    }
    let left = estimate.left.unwrap().as_secs_f64();
    assert!((left - 9_700.0 / 10.0).abs() < 50.0, "{left}");
    assert_eq!(estimate.limit, Limit::Download);
}

#[test]
fn nothing_is_foretold_before_something_was_measured_or_while_nothing_comes() {
    let mut run = Run::new("regtest", 1_000);
    assert_eq!(run.second(10, 10).left, None);
    for _ in 0..10 {
        run.second(10, 10);
    }
    let mut estimate = Estimate::default();
    for _ in 0..70 {
        estimate = run.second(0, 0);
    }
    assert_eq!(estimate.left, None);
    assert_eq!(estimate.rates.blocks_stored, 0.0);
}

#[test]
fn all_is_said_to_be_done_only_when_it_is() {
    let mut run = Run::new("regtest", 100_000);
    run.second(100_000, 99_999);
    let nearly = run.second(0, 0);
    assert!(nearly.progress < 1.0, "{}", nearly.progress);
    let done = run.second(0, 1);
    assert_eq!(done.progress, 1.0);
    assert_eq!(done.left, Some(Duration::ZERO));
}

#[test]
fn progress_never_falls_when_more_turns_out_to_be_left() {
    let mut run = Run::new("regtest", 1_000);
    let mut last = 0.0;
    for second in 0..200 {
        // Twice, the best header jumps ahead.
        if second == 50 || second == 120 {
            run.chain *= 3;
        }
        let progress = run.second(10, 9).progress;
        assert!(
            (last..=1.0).contains(&progress),
            "{second}: {progress} after {last}"
        );
        last = progress;
    }
}

#[test]
fn a_reorganization_may_take_progress_back() {
    let mut run = Run::new("regtest", 100);
    run.second(100, 90);
    let before = run.second(0, 0).progress;
    run.gauge.totals.bytes_validated -= 50 * MB;
    run.gauge.reorganizations += 1;
    let after = run.second(0, 0).progress;
    assert!(after < before, "{after}, {before}");
}

#[test]
fn the_main_networks_early_blocks_do_not_promise_an_early_end() {
    let mut run = Run::new("main", 900_000);
    // Blocks of 300 bytes, ten thousand a second.
    let mut estimate = Estimate::default();
    for second in 1..=10_u64 {
        let gauge = &mut run.gauge;
        gauge.at = Duration::from_secs(second);
        let blocks = second * 10_000;
        gauge.totals.blocks_stored = blocks;
        gauge.totals.bytes_stored = blocks * 300;
        gauge.totals.blocks_validated = blocks;
        gauge.totals.bytes_validated = blocks * 300;
        gauge.bytes_validated = blocks * 300;
        gauge.missing = (blocks as u32 + 1, 900_000, 900_000 - blocks);
        estimate = run.estimator.add(gauge);
    }
    assert!(estimate.progress < 0.001, "{}", estimate.progress);
    assert!(estimate.bytes_missing > 600_000 * MB);
    assert!(estimate.left.unwrap() > Duration::from_secs(24 * 3600));
}

#[test]
fn samples_are_bounded() {
    let mut run = Run::new("regtest", 1_000_000);
    for _ in 0..100_000 {
        run.gauge.at += Duration::from_millis(1);
        run.estimator.add(&run.gauge);
    }
    assert!(run.estimator.samples.len() <= 302);
}
