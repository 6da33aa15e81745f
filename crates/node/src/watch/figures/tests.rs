use super::*;

#[test]
fn lengths_of_time_are_told_in_two_units() {
    for (seconds, text) in [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (7_265, "2 h 1 min"),
        (86_400 * 3 + 50, "3 d"),
        (86_400 * 3 + 7_200, "3 d 2 h"),
    ] {
        assert_eq!(span(seconds), text);
    }
}
