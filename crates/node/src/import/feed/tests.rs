use super::*;

#[test]
fn no_more_is_on_its_way_than_there_are_credits_but_always_one_block() {
    let credits = Credits::new(100);
    assert!(credits.take(250));
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| credits.take(60));
        credits.give_back(200);
        assert_eq!(credits.lock().bytes, 50);
        credits.give_back(10);
        assert!(waiting.join().unwrap());
    });
    assert_eq!(credits.lock().bytes, 100);
}

#[test]
fn whoever_waits_for_credits_is_let_go_in_the_end() {
    let credits = Credits::new(100);
    assert!(credits.take(100));
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| credits.take(1));
        drop(EndOfReading(&credits));
        assert!(!waiting.join().unwrap());
    });
}

#[test]
fn credits_that_are_taken_away_are_not_given_out_again() {
    let credits = Credits::new(100);
    assert!(credits.take(80));
    credits.set_limit(10);
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| credits.take(15));
        credits.set_limit(20);
        assert_eq!(credits.lock().bytes, 80);
        // The last one that is on its way goes, and one may always be.
        credits.give_back(80);
        assert!(waiting.join().unwrap());
    });
    assert_eq!(credits.lock().bytes, 15);
}
