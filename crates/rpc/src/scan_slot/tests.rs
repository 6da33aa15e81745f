use super::*;

#[test]
fn there_is_one_scan_at_a_time_and_only_a_running_one_is_aborted() {
    let slot = Arc::new(ScanSlot::default());
    assert_eq!(slot.progress(), None);
    assert!(!slot.abort());
    let running = slot.begin().expect("the slot is free");
    assert!(slot.begin().is_none());
    slot.report(42);
    assert_eq!(slot.progress(), Some(42));
    assert!(!slot.is_aborted());
    assert!(slot.abort());
    assert!(slot.is_aborted());
    drop(running);
    assert_eq!(slot.progress(), None);
    let _next = slot.begin().expect("the slot is free again");
    assert!(!slot.is_aborted(), "the next scan starts afresh");
    assert_eq!(slot.progress(), Some(0));
}
