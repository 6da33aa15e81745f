use super::*;

#[test]
fn connections_get_what_files_leave_and_callers_a_part_of_it() {
    assert_eq!(room(u64::MAX, 125, 322).unwrap(), 125);
    assert_eq!(room(1024, 125, 322).unwrap(), 125);
    assert_eq!(room(1024, 10_000, 322).unwrap(), 1024 - 322 - 64);
    assert_eq!(room(362, 125, 322).unwrap(), 30);
    assert_eq!(room(322, 125, 322).unwrap(), 0);
    let error = room(321, 125, 322).unwrap_err().to_string();
    assert!(
        error.contains("321") && error.contains("322") && error.contains("LimitNOFILE"),
        "{error}"
    );
}
