use std::time::Duration;

use super::Found;

#[test]
fn quantiles_are_those_of_the_sorted_times() {
    let found = Found {
        micros: (1..=1000).rev().collect(),
        failed: 3,
    };
    let calls = found.into_calls(Duration::from_secs(2));
    assert_eq!((calls.answers, calls.failed), (1000, 3));
    assert_eq!(calls.rate, 500.0);
    let times = [calls.p50_ms, calls.p99_ms, calls.p999_ms, calls.most_ms];
    assert_eq!(times, [0.5, 0.99, 0.999, 1.0]);
}

#[test]
fn without_an_answer_there_are_no_times() {
    let calls = Found::default().into_calls(Duration::from_secs(1));
    assert_eq!(calls.answers, 0);
    assert!(calls.p50_ms.is_nan() && calls.most_ms.is_nan());
}
