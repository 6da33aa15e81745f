use super::*;

const MB: u64 = 1_000_000;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn the_floor_is_the_bytes_over_the_sum_of_the_rates() {
    let lines = [Line::new(3 * MB, 100), Line::new(MB, 1)];
    assert!(close(floor(&lines, 400 * MB, 400), 100.0));
}

#[test]
fn a_peer_that_falls_silent_counts_for_the_blocks_that_it_sends() {
    let lines = [Line::new(MB, 0), Line::new(MB, 0).stalls_after(10)];
    // Ten seconds with both, which carry twenty blocks; eighty more with one.
    assert!(close(floor(&lines, 100 * MB, 100), 90.0));
    // A chain that is over before it falls silent.
    assert!(close(floor(&lines, 10 * MB, 10), 5.0));
    assert!(floor(&lines[1..], 100 * MB, 100).is_infinite());
}
