use super::*;

#[test]
fn a_flush_is_counted_when_the_coins_on_disk_come_further() {
    let mut stages = Stages::default();
    let depths = QueueDepths {
        check: 4,
        ..QueueDepths::default()
    };
    for flushed in [0, 7, 7, 9] {
        let progress = Progress {
            flushed,
            flushing: flushed == 7,
            ..Progress::default()
        };
        stages.look(&depths, &progress);
    }
    assert_eq!(stages.flushes, 2);
    let table = stages.table();
    assert!(table.contains("2 flushes, 50 % of the time"), "{table}");
    assert!(table.contains("mean       4.0"), "{table}");
}
