use super::*;

#[test]
fn only_the_main_networks_growth_is_known() {
    assert!(SizeCurve::of("main").is_some());
    assert!(SizeCurve::of("regtest").is_none());
}

#[test]
fn the_parts_of_a_chain_add_up() {
    let curve = MAIN;
    let all = curve.between(0, 930_000);
    let parts = curve.between(0, 123_456) + curve.between(123_457, 930_000);
    assert!(all.abs_diff(parts) < 2, "{all}, {parts}");
    assert_eq!(all, 716_000_000_000);
    assert_eq!(curve.between(5, 4), 0);
}

#[test]
fn steps_ascend_and_the_last_one_goes_on() {
    for pair in MAIN.steps.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1, "{pair:?}");
    }
    // Blocks of today have more than a megabyte.
    let beyond = MAIN.between(1_000_001, 1_000_100);
    assert!(beyond > 100_000_000, "{beyond}");
}
