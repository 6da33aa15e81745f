use std::time::Duration;

use super::{BUCKETS, Histogram, Latencies};

#[test]
fn a_time_is_counted_once_below_the_first_bound_that_it_does_not_exceed() {
    let histogram = Histogram::default();
    assert_eq!(histogram.read(), Latencies::default());
    let mut counts = [0; BUCKETS];
    let mut sum = 0;
    for (bucket, bound) in Histogram::BOUNDS.into_iter().enumerate() {
        for micros in [bound, bound + 1] {
            histogram.add(Duration::from_micros(micros));
            sum += micros;
        }
        counts[bucket] += 1;
        counts[bucket + 1] += 1;
    }
    histogram.add(Duration::ZERO);
    counts[0] += 1;
    let read = histogram.read();
    assert_eq!(read.counts, counts);
    assert_eq!(read.micros, sum);
}

#[test]
fn threads_that_count_at_the_same_time_lose_nothing() {
    let histogram = Histogram::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for micros in 0..1000 {
                    histogram.add(Duration::from_micros(micros));
                }
            });
        }
    });
    let read = histogram.read();
    assert_eq!(read.counts.iter().sum::<u64>(), 4000);
    assert_eq!(read.micros, 4 * 999 * 1000 / 2);
}
