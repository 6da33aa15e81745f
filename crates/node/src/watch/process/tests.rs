use super::*;

#[test]
fn processor_time_is_read_whatever_the_threads_name() {
    let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0";
    assert_eq!(parse(stat), Some(("a) b (c".to_owned(), 2.0)));
    assert_eq!(parse("nonsense"), None);
}

#[test]
fn threads_are_counted_by_their_stage() {
    for (thread, stage) in [
        ("script-11", "script"),
        ("net", "net"),
        ("tokio-runtime-w", "runtime"),
        ("network", "other"),
    ] {
        assert_eq!(STAGES[stage_of(thread)], stage);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn this_very_process_takes_something() {
    let found = process();
    assert!(found.resident > 0 && found.open_files > 0, "{found:?}");
    assert!(!found.threads.is_empty());
}
