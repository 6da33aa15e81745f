//! Which of the runs above the last level are joined when there are too many.

#[cfg(test)]
mod tests;

/// A run is joined with those that are newer when it has no more than one of so many parts of all of them, so that few entries are
/// written again that were joined before.
///
/// With 16 runs, and flushes of 24 MB above a last level of 1.4 GB, a change is joined 0.9 times until it is folded. With a
/// half, which was the rule before, and 8 runs it was 2.4 times. Other numbers from 4 on take as much there, and more when the last
/// level is larger.
const PARTS: u64 = 6;

/// The number of the first run that is joined with all that are newer, by the sizes from the oldest to the newest, of which
/// there are at least two.
pub(super) fn first_to_join(sizes: &[u64]) -> usize {
    let mut rest: u64 = sizes.iter().sum();
    for (number, size) in sizes.iter().enumerate() {
        if size.saturating_mul(PARTS) <= rest {
            return number;
        }
        rest -= size;
    }
    sizes.len().saturating_sub(2)
}
