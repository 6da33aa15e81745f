use super::*;

#[test]
fn days_become_dates() {
    assert_eq!(civil_date(0), (1970, 1, 1));
    // The genesis block's day.
    assert_eq!(civil_date(1_231_006_505 / 86_400), (2009, 1, 3));
    assert_eq!(civil_date(11_016), (2000, 2, 29));
    assert_eq!(civil_date(11_017), (2000, 3, 1));
    assert_eq!(civil_date(20_453), (2025, 12, 31));
    assert_eq!(civil_date(20_454), (2026, 1, 1));
}

#[test]
fn a_log_that_grew_too_long_keeps_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("debug.log");
    let line = b"a line of twenty-one\n";
    fs::write(&path, line.repeat(600_000)).unwrap();
    drop(open_log(&path).unwrap());
    let kept = fs::read(&path).unwrap();
    assert!(kept.len() as u64 <= KEPT_LOG);
    assert_eq!(kept.len() % line.len(), 0);
    assert!(kept.starts_with(line));
}

#[test]
fn a_target_and_what_lies_below_it_have_their_level() {
    use tracing::Level;
    let targets = filter(&LogLevels::default());
    assert!(targets.would_enable("blocks", &Level::INFO));
    assert!(!targets.would_enable("blocks", &Level::DEBUG));
    assert!(targets.would_enable("tipward_validation::connect", &Level::INFO));
    assert!(!targets.would_enable("some_library", &Level::INFO));
    assert!(targets.would_enable("some_library", &Level::WARN));
}
