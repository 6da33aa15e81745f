use super::super::Shape;
use super::*;

/// What becomes of flushes of some size, above a last level that stays as large as it is.
struct Sizes {
    flush: u64,
    last: u64,
}

#[derive(Debug)]
struct Work {
    /// How often a byte of a flush is joined, in hundredths.
    joined: u64,
    /// Runs that a look-up meets, on average, in tenths.
    runs: u64,
    most_runs: usize,
}

impl Sizes {
    fn work(&self) -> Work {
        const FLUSHES: u64 = 5_000;
        let shape = Shape::default();
        let mut sizes = Vec::new();
        let (mut written, mut joined, mut runs, mut most_runs) = (0, 0, 0, 0);
        for number in 0..FLUSHES {
            // They are not all alike.
            let flush = self.flush + self.flush * (number * 7 % 10) / 50;
            written += flush;
            sizes.push(flush);
            if sizes.iter().sum::<u64>() >= self.last * shape.fold_at / 100 {
                sizes.clear();
            } else if sizes.len() > shape.most_runs {
                let together = sizes.split_off(first_to_join(&sizes)).iter().sum();
                joined += together;
                sizes.push(together);
            }
            runs += sizes.len() as u64;
            most_runs = most_runs.max(sizes.len());
        }
        Work {
            joined: joined * 100 / written,
            runs: runs * 10 / FLUSHES,
            most_runs,
        }
    }
}

#[test]
fn a_change_is_joined_at_most_about_once_when_sixty_flushes_are_folded_together() {
    let work = Sizes {
        flush: 24,
        last: 1_400,
    }
    .work();
    assert!(work.joined <= 100 && work.runs <= 90, "{work:?}");
}

#[test]
fn a_change_is_joined_at_most_about_twice_when_five_hundred_flushes_are_folded_together() {
    let work = Sizes {
        flush: 12,
        last: 6_000,
    }
    .work();
    assert!(work.joined <= 200 && work.runs <= 110, "{work:?}");
}

#[test]
fn nothing_is_joined_when_few_flushes_are_folded_together() {
    let work = Sizes {
        flush: 100,
        last: 1_400,
    }
    .work();
    assert_eq!(work.joined, 0);
}

#[test]
fn there_are_never_more_runs_than_are_left_alone() {
    for last in [10, 100, 1_000, 10_000, 100_000] {
        let work = Sizes { flush: 10, last }.work();
        assert!(work.most_runs <= Shape::default().most_runs, "{work:?}");
    }
}

#[test]
fn runs_of_one_size_are_joined_together() {
    assert_eq!(first_to_join(&[5; 17]), 0);
}

#[test]
fn a_run_that_is_large_beside_all_that_are_newer_is_left_alone() {
    assert_eq!(first_to_join(&[100, 10, 10, 10, 10, 10, 10]), 1);
    assert_eq!(first_to_join(&[100, 10, 60, 2, 2, 2, 2, 2, 2]), 1);
}

#[test]
fn at_least_two_are_joined_whatever_their_sizes() {
    assert_eq!(first_to_join(&[4, 2]), 0);
    assert_eq!(first_to_join(&[64, 16, 4, 1]), 2);
    assert_eq!(first_to_join(&[0, 0]), 0);
    assert_eq!(first_to_join(&[u64::MAX / 2, 1]), 0);
}
