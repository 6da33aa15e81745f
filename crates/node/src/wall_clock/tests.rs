use tipward_primitives::{Network, Params, Timestamp};

use super::{check, date, differs, warning};

#[test]
fn a_clock_before_the_first_block_is_refused_with_what_it_says_and_what_to_do() {
    let params = Params::new(Network::Bitcoin);
    let error = check(Timestamp::from_secs(3600), &params).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("says 1970-01-01 01:00 UTC"), "{error}");
    assert!(error.contains("(2009-01-03 18:15 UTC)"), "{error}");
    assert!(error.contains("timedatectl"), "{error}");
    let genesis = u64::from(params.genesis.header.time);
    assert!(check(Timestamp::from_secs(genesis - 1), &params).is_err());
    check(Timestamp::from_secs(genesis), &params).unwrap();
}

#[test]
fn a_clock_before_the_program_was_written_is_warned_of() {
    let warned = warning(Timestamp::from_secs(1_700_000_000)).unwrap();
    assert!(warned.contains("2023-11-14 22:13 UTC"), "{warned}");
    assert!(warned.contains("timedatectl"), "{warned}");
    assert_eq!(warning(Timestamp::from_secs(super::WRITTEN)), None);
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, text) in [
        (0, "1970-01-01 00:00 UTC"),
        (951_782_400, "2000-02-29 00:00 UTC"),
        (1_709_251_199, "2024-02-29 23:59 UTC"),
        (1_709_251_200, "2024-03-01 00:00 UTC"),
        (super::WRITTEN, "2026-01-01 00:00 UTC"),
        (4_102_444_799, "2099-12-31 23:59 UTC"),
        (4_107_542_400, "2100-03-01 00:00 UTC"),
    ] {
        assert_eq!(date(Timestamp::from_secs(seconds)), text);
    }
}

#[test]
fn a_difference_is_told_with_its_direction() {
    assert!(differs(-7200).contains("7200 s ahead of those"));
    assert!(differs(900).contains("900 s behind those"));
}
