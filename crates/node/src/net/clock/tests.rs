use super::*;

#[test]
fn a_wall_clock_that_is_set_back_does_not_turn_time_back() {
    let clock = Clock::default();
    assert_eq!(clock.running(1_000_000, 10).as_micros(), 1_000_000);
    assert_eq!(clock.running(500_000, 20).as_micros(), 1_000_010);
    assert_eq!(clock.running(500_100, 30).as_micros(), 1_000_020);
}

#[test]
fn a_machine_that_slept_catches_up() {
    let clock = Clock::default();
    clock.running(1_000_000, 10);
    assert_eq!(clock.running(9_000_000, 20).as_micros(), 9_000_000);
}

#[test]
fn a_mocked_clock_stands_still_until_it_is_let_go() {
    let clock = Clock::default();
    clock.mock(Some(1_300_000_000));
    assert_eq!(clock.clone().now(), Timestamp::from_secs(1_300_000_000));
    assert!(clock.is_mocked());
    clock.mock(None);
    assert!(clock.now() > Timestamp::from_secs(1_700_000_000));
}
