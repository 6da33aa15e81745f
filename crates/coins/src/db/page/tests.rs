use super::*;

fn key(id: u8, index: u8) -> Vec<u8> {
    let mut key = vec![id; 33];
    key[32] = index;
    key
}

fn page(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut builder = PageBuilder::default();
    for (key, value) in entries {
        let bytes = entry_bytes(key, value);
        let entry = Entry::of(&bytes).unwrap();
        assert!(builder.has_room(&entry));
        builder.push(&entry);
    }
    let mut bytes = Vec::new();
    builder.finish(&mut bytes);
    assert!(builder.is_empty());
    bytes
}

/// The format on disk: a change of these bytes needs a new format number.
#[test]
fn a_page_has_these_bytes() {
    let bytes = page(&[(key(1, 0), vec![5, 6]), (key(2, 3), vec![])]);
    assert_eq!(bytes.len(), PAGE_SIZE);
    assert_eq!(bytes[8..12], [2, 0, 0, 0]);
    assert_eq!(bytes[4..8], crc32c::crc32c(&bytes[8..20]).to_le_bytes());
    // 0x0101 and the index in two bytes with what stands before it, times 0x9e3b.
    let print = |end: [u8; 2], index: [u8; 2]| {
        u16::from_le_bytes(end) ^ u16::from_be_bytes(index).wrapping_mul(0x9e3b)
    };
    assert_eq!(bytes[12..14], print([1, 1], [1, 0]).to_le_bytes());
    assert_eq!(bytes[14..16], print([2, 2], [2, 3]).to_le_bytes());
    assert_eq!(bytes[16..20], [39, 0, 76, 0]);
    let with_sum = |bytes: Vec<u8>| [&*bytes, &crc32c::crc32c(&bytes).to_le_bytes()].concat();
    assert_eq!(bytes[20..59], with_sum([key(1, 0), vec![5, 6]].concat()));
    assert_eq!(bytes[59..96], with_sum(key(2, 3)));
    assert!(bytes[96..].iter().all(|byte| *byte == 0));
    assert!(Page::is_whole(&bytes));
}

#[test]
fn every_entry_is_found_and_no_other() {
    let entries: Vec<_> = (0..50)
        .map(|n| (key(n / 3, n % 3), vec![n; usize::from(n % 5)]))
        .collect();
    let bytes = page(&entries);
    let page = Page::new(&bytes);
    assert_eq!(page.len(), 50);
    for (number, (key, value)) in entries.iter().enumerate() {
        let entry = page.find(key).unwrap().unwrap();
        assert_eq!((entry.key(), entry.value()), (&**key, &**value));
        assert_eq!(page.entry(number), Some(entry));
    }
    assert_eq!(page.find(&key(3, 3)), Ok(None));
    assert_eq!(page.entry(50), None);
}

/// The entries that a walk comes to.
fn walked(bytes: &[u8]) -> Vec<Entry<'_>> {
    let mut walk = Page::new(bytes).walk();
    let mut entries = Vec::new();
    while let Some((place, key_size)) = walk.next(bytes) {
        entries.push(Entry::with_key_size(&bytes[place], key_size));
    }
    entries
}

#[test]
fn a_walk_comes_to_every_entry_in_order() {
    let long_key = [&[9; 32][..], &[249, 0, 1, 0, 0]].concat();
    let entries = [
        (key(1, 0), vec![5, 6]),
        (key(2, 3), vec![]),
        (long_key, vec![7]),
    ];
    let bytes = page(&entries);
    let walked = walked(&bytes);
    assert_eq!(walked.len(), entries.len());
    for (number, (key, value)) in entries.iter().enumerate() {
        let entry = walked[number];
        assert_eq!((entry.key(), entry.value()), (&**key, &**value));
        assert_eq!(Page::new(&bytes).entry(number), Some(entry));
    }
}

#[test]
fn a_page_takes_what_fits_and_one_entry_that_does_not() {
    let mut builder = PageBuilder::default();
    let mut bytes = Vec::new();
    let (first, second) = (key(1, 0), key(2, 0));
    let fill = PAGE_SIZE - HEAD - 2 * (DIRECTORY + 33 + CHECKSUM);
    builder.push(&Entry::of(&entry_bytes(&first, &vec![1; fill - 1])).unwrap());
    for (size, has_room) in [(1, true), (2, false)] {
        let value = vec![2; size];
        assert_eq!(
            builder.has_room(&Entry::of(&entry_bytes(&second, &value)).unwrap()),
            has_room
        );
    }
    assert_eq!(builder.finish(&mut bytes), 1);
    let large = vec![3; 10_100];
    let large = entry_bytes(&second, &large);
    let entry = Entry::of(&large).unwrap();
    assert!(builder.has_room(&entry));
    builder.push(&entry);
    assert!(!builder.has_room(&Entry::of(&entry_bytes(&second, &[])).unwrap()));
    assert_eq!(builder.finish(&mut bytes), 3);
    assert_eq!(bytes.len(), 4 * PAGE_SIZE);
    assert!(Page::is_whole(&bytes[PAGE_SIZE..]));
    assert_eq!(
        Page::new(&bytes[PAGE_SIZE..]).find(&second),
        Ok(Some(entry))
    );
}

#[test]
fn bytes_that_are_no_page_have_no_entries_and_cause_no_panic() {
    let whole = page(&[(key(1, 0), vec![5, 6]), (key(2, 3), vec![])]);
    for at in 0..96 {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(!Page::is_whole(&bytes));
            let page = Page::new(&bytes);
            for number in 0..page.len() {
                let _ = page.entry(number);
            }
            // What it says is right, or it says that it is torn.
            let value = [5, 6];
            let (first, second) = (key(1, 0), key(2, 3));
            let (first, second) = (entry_bytes(&first, &value), entry_bytes(&second, &[]));
            let (first, second) = (Entry::of(&first).unwrap(), Entry::of(&second).unwrap());
            for wanted in [first, second] {
                let found = page.find(wanted.key());
                assert!(found == Ok(Some(wanted)) || found == Err(Torn), "{at}");
            }
            assert!(matches!(page.find(&key(2, 2)), Ok(None) | Err(Torn)));
            let _ = walked(&bytes);
        }
    }
    for size in 0..100 {
        let page = Page::new(&whole[..size]);
        let _ = (page.entry(0), page.find(&key(1, 0)), walked(&whole[..size]));
    }
}
