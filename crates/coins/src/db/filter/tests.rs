use super::*;

fn key(number: u32) -> [u8; 33] {
    let mut key = [0; 33];
    let hash = u64::from(number / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key[8..16].copy_from_slice(&hash.to_le_bytes());
    key[16..24].copy_from_slice(&hash.rotate_left(20).to_le_bytes());
    key[32] = (number % 2) as u8;
    key
}

fn of(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let mut filter = FilterBuilder::for_keys(numbers.len() as u64);
    for number in numbers {
        filter.insert(KeyBits::of(&key(number)));
    }
    let mut bytes = Vec::new();
    filter.write(&mut bytes);
    bytes
}

#[test]
fn what_was_inserted_may_be_there_and_little_else() {
    let bytes = of(0..10_000);
    assert_eq!(bytes.len(), (10_000usize * 12).div_ceil(64) * 8);
    let filter = Filter::new(&bytes);
    let may_have = |number| filter.may_have(KeyBits::of(&key(number)));
    assert!((0..10_000).all(may_have));
    let others = (10_000..110_000).filter(|n| may_have(*n)).count();
    assert!(others < 2_500, "{others} of 100,000");
}

#[test]
fn an_empty_one_has_nothing_and_none_has_everything() {
    let has = |bytes: &[u8]| Filter::new(bytes).may_have(KeyBits::of(&key(1)));
    assert!(!has(&of(0..0)));
    assert!(has(&[]));
}
