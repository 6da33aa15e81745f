use super::*;

const T0: Timestamp = Timestamp::from_secs(1_000_000);

#[test]
fn room_is_kept_for_the_new_blocks_of_the_rest_of_the_day_and_another_day_begins_anew() {
    let day = 144 * BLOCK;
    let mut upload = Upload::new(day + 1000);
    assert!(!upload.withholds_old_blocks(T0));
    upload.note(T0, 999);
    assert!(!upload.withholds_old_blocks(T0));
    upload.note(T0, 1);
    assert!(upload.withholds_old_blocks(T0));
    assert_eq!(upload.snapshot(T0).bytes_left, day);
    // Six blocks fewer have to be served by then.
    let later = T0 + Duration::from_secs(60 * 60);
    assert!(!upload.withholds_old_blocks(later));
    assert_eq!(
        upload.snapshot(later).time_left,
        CYCLE - Duration::from_secs(3600)
    );
    upload.note(later, 6 * BLOCK);
    assert!(upload.withholds_old_blocks(later));
    let tomorrow = T0 + CYCLE;
    assert!(!upload.withholds_old_blocks(tomorrow));
    upload.note(tomorrow, 5);
    assert_eq!(upload.snapshot(tomorrow).bytes_left, day + 995);
}

#[test]
fn without_a_target_nothing_is_withheld_and_a_small_one_withholds_from_the_start() {
    let mut upload = Upload::new(0);
    upload.note(T0, u64::MAX);
    assert!(!upload.withholds_old_blocks(T0));
    assert_eq!(upload.snapshot(T0).time_left, Duration::ZERO);
    assert!(Upload::new(1 << 20).withholds_old_blocks(T0));
}
