use super::*;

const SHARE_OF_A_CORE: f64 = 0.06;

/// Uses so much at a time again and again for ten seconds, late by so much after each pause; the part of the time that was used.
fn used(at_a_time: Duration, rest: Duration, late: Duration, share: Option<f64>) -> f64 {
    let begun = Instant::now();
    let (mut now, mut used, mut account) = (begun, Duration::ZERO, Account::default());
    while now - begun < Duration::from_secs(10) {
        used += at_a_time;
        now += at_a_time;
        let pause = account.pause(now, used, share);
        assert!(pause <= LONGEST);
        now += if pause.is_zero() { rest } else { pause + late };
    }
    used.as_secs_f64() / (now - begun).as_secs_f64()
}

const MICRO: Duration = Duration::from_micros(1);
const MILLI: Duration = Duration::from_millis(1);

#[test]
fn who_calls_all_the_time_gets_the_share_and_no_more() {
    for at_a_time in [10 * MICRO, 100 * MICRO, MILLI, 4 * MILLI] {
        for late in [Duration::ZERO, 2 * MILLI] {
            let part = used(at_a_time, Duration::ZERO, late, Some(SHARE_OF_A_CORE));
            let of_share = part / SHARE_OF_A_CORE;
            assert!(
                (0.95..1.05).contains(&of_share),
                "{at_a_time:?}, {late:?}: {of_share}"
            );
        }
    }
}

#[test]
fn who_calls_little_never_waits() {
    let begun = Instant::now();
    let mut account = Account::default();
    // 25 microseconds each, 500 times a second: a fifth of the share.
    for call in 1..1000 {
        let pause = account.pause(
            begun + call * 2 * MILLI,
            call * 25 * MICRO,
            Some(SHARE_OF_A_CORE),
        );
        assert_eq!(pause, Duration::ZERO);
    }
}

#[test]
fn a_dear_answer_holds_up_the_next_one_for_a_tenth_of_a_second_at_most() {
    let mut account = Account::default();
    let now = Instant::now();
    let pause = account.pause(now, 500 * MILLI, Some(SHARE_OF_A_CORE));
    assert_eq!(pause, LONGEST);
    let pause = account.pause(now + pause, 500 * MILLI, Some(SHARE_OF_A_CORE));
    assert_eq!(pause, Duration::ZERO);
}

#[test]
fn nothing_is_held_back_and_nothing_is_owed_once_the_node_has_caught_up() {
    let part = used(MILLI, Duration::ZERO, Duration::ZERO, None);
    assert!((part - 1.0).abs() < 1e-9, "{part}");
    let mut account = Account::default();
    let now = Instant::now();
    assert_ne!(
        account.pause(now, 50 * MILLI, Some(SHARE_OF_A_CORE)),
        Duration::ZERO
    );
    assert_eq!(account.pause(now, 500 * MILLI, None), Duration::ZERO);
    assert_eq!(
        account.pause(now, 500 * MILLI, Some(SHARE_OF_A_CORE)),
        Duration::ZERO
    );
}
