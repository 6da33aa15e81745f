use tipward_coins::{CoinCache, CoinsDb};

use super::CoinsAhead;

#[test]
fn an_answer_that_comes_when_nothing_is_asked_for_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let cache = CoinCache::new(CoinsDb::open(dir.path()).unwrap(), 1 << 20);
    let key = [7; 36];
    let found = cache.older().fetch_all(&[(cache.hash(&key), key)]);
    let mut ahead = CoinsAhead::none();
    ahead.take_in(&[3], found.unwrap());
    assert!(ahead.is_complete());
    assert!(ahead.of(3).is_none());
}
