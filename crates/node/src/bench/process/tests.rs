use super::*;

#[test]
fn fields_are_counted_after_a_name_with_parentheses() {
    let stat = "42 (a) b)) S 1 2 3 4 5 6 7 8 9 10 11 12 300 45 20 0 1 0";
    assert_eq!(parse_ticks(stat, 16), Some(345));
    assert_eq!(parse_ticks(stat, OWN_FIELD), Some(11 + 12));
    assert_eq!(parse_ticks("42 (a) S 1", OWN_FIELD), None);
}

#[test]
fn the_peak_is_in_kibibytes() {
    let status = "Name:\ttipward\nVmPeak:\t  999 kB\nVmHWM:\t  2048 kB\n";
    assert_eq!(parse_peak(status), Some(2 * 1024 * 1024));
    assert_eq!(parse_peak("Name:\ttipward\n"), None);
}

#[test]
fn what_was_taken_back_before_it_was_written_does_not_count() {
    let io = "rchar: 1\nwchar: 9\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n";
    assert_eq!(parse_written(io), Some(4096));
    assert_eq!(parse_written("rchar: 1\n"), None);
}

#[test]
fn a_process_is_measured_to_its_end() {
    let mut command = Command::new("sh");
    command.args(["-c", "exit 3"]);
    let (status, cpu, _) = measure(command).unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(cpu >= 0.0);
}
