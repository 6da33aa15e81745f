use super::Numbers;

#[test]
fn numbers_are_kept_as_runs_and_read_as_they_were_written() {
    let mut numbers = Numbers::default();
    for file in [7, 3, 5, 4, 0, 5] {
        numbers.insert(file);
    }
    assert_eq!(numbers.0.len(), 3);
    let within: Vec<u32> = (0..10).filter(|file| numbers.contains(*file)).collect();
    assert_eq!(within, [0, 3, 4, 5, 7]);
    assert_eq!(numbers.last(), Some(7));
    assert_eq!(Numbers::parse(&numbers.text()), Some(numbers));
    let none = Numbers::default();
    assert_eq!(Numbers::parse(&none.text()), Some(none));
}

#[test]
fn a_changed_byte_is_noticed() {
    let mut numbers = Numbers::default();
    numbers.insert(12);
    let text = numbers.text();
    for at in 0..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(Numbers::parse(&text), None, "{text}");
    }
}
