use super::*;

const PAGES: usize = 64;
const FROM_MEMORY: Duration = Duration::from_micros(60);
const FROM_DISK: Duration = Duration::from_micros(1_300);

fn after(times: &[Duration]) -> ReadAhead {
    let ahead = ReadAhead::default();
    for time in times {
        ahead.took(PAGES, *time);
    }
    ahead
}

#[test]
fn pages_in_memory_are_not_asked_for_ahead() {
    assert!(!after(&[]).is_worth_it());
    assert!(!after(&[FROM_MEMORY; 100]).is_worth_it());
}

#[test]
fn pages_are_asked_for_ahead_once_they_came_from_the_disk_twice() {
    assert!(after(&[FROM_DISK; 2]).is_worth_it());
}

#[test]
fn one_slow_look_is_taken_for_an_interruption() {
    assert!(!after(&[FROM_DISK]).is_worth_it());
    assert!(!after(&[FROM_DISK, FROM_MEMORY, FROM_DISK, FROM_MEMORY]).is_worth_it());
}

#[test]
fn while_they_come_from_the_disk_one_quick_look_changes_nothing() {
    assert!(after(&[FROM_DISK, FROM_DISK, FROM_DISK, FROM_MEMORY]).is_worth_it());
}

#[test]
fn however_long_they_came_from_the_disk_three_quick_looks_end_it() {
    let ahead = after(&[FROM_DISK; 300]);
    for _ in 0..3 {
        assert!(ahead.is_worth_it());
        ahead.took(PAGES, FROM_MEMORY);
    }
    assert!(!ahead.is_worth_it());
}

#[test]
fn few_pages_may_take_less_time_than_many() {
    let ahead = ReadAhead::default();
    for _ in 0..2 {
        ahead.took(64, Duration::from_micros(100));
    }
    assert!(!ahead.is_worth_it());
    for _ in 0..2 {
        ahead.took(1, Duration::from_micros(100));
    }
    assert!(ahead.is_worth_it());
}
