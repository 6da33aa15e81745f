use super::*;

fn sample(start: Instant, second: u64, blocks: u64, amount: u64, left: u64) -> Sample {
    Sample {
        at: start + Duration::from_secs(second),
        blocks,
        amount,
        left,
    }
}

#[test]
fn the_time_left_is_bytes_left_over_the_rate() {
    let start = Instant::now();
    let mut estimator = Estimator::default();
    assert_eq!(estimator.add(sample(start, 0, 0, 0, 1000)).left, None);
    let rates = estimator.add(sample(start, 2, 100, 50_000, 900));
    assert_eq!(rates.blocks_per_second, 50.0);
    assert_eq!(rates.amount_per_second, 25_000.0);
    // 900 blocks of 500 bytes at 25 kB/s.
    assert_eq!(rates.left, Some(Duration::from_secs(18)));
}

#[test]
fn only_the_last_seconds_count() {
    let start = Instant::now();
    let mut estimator = Estimator::default();
    for second in 0..=100 {
        estimator.add(sample(start, second, second * 1000, second * 200_000, 500));
    }
    // Blocks became a thousand times as large, and come more slowly.
    let mut rates = Rates::default();
    for second in 101..=120 {
        let more = second - 100;
        let bytes = 20_000_000 + more * 2_000_000;
        rates = estimator.add(sample(start, second, 100_000 + more * 10, bytes, 500));
    }
    assert_eq!(rates.blocks_per_second, 10.0);
    assert_eq!(rates.left, Some(Duration::from_secs(50)));
}

#[test]
fn a_standstill_has_no_time_left() {
    let start = Instant::now();
    let mut estimator = Estimator::default();
    estimator.add(sample(start, 0, 7, 7000, 10));
    let rates = estimator.add(sample(start, 5, 7, 7000, 10));
    assert_eq!(rates, Rates::default());
}
