use super::*;

const VALID: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

/// The text with other characters at some places.
fn with(text: &str, changes: &[(usize, char)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (at, character) in changes {
        characters[*at] = *character;
    }
    characters.into_iter().collect()
}

#[test]
fn both_checksums_are_told_apart() {
    for (text, encoding) in [
        ("A1LQFN3A", Encoding::Bech32m),
        ("A12UEL5L", Encoding::Bech32),
        (
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
            Encoding::Bech32,
        ),
        (
            "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
            Encoding::Bech32m,
        ),
        (VALID, Encoding::Bech32),
    ] {
        assert_eq!(decode(text).unwrap().encoding, encoding, "{text}");
    }
}

#[test]
fn one_or_two_errors_are_found() {
    for places in [vec![10], vec![41], vec![5, 20], vec![39, 40]] {
        let changes: Vec<_> = places
            .iter()
            .map(|at| match VALID.as_bytes()[*at] {
                b'q' => (*at, 'p'),
                _ => (*at, 'q'),
            })
            .collect();
        let wrong = decode(&with(VALID, &changes)).unwrap_err();
        assert_eq!(wrong, Wrong::new("Invalid Bech32 checksum", places));
    }
}

#[test]
fn what_is_malformed_is_said_so() {
    for (text, message, locations) in [
        ("abc", "Missing separator", vec![]),
        ("1qzzfhee", "Invalid separator position", vec![0]),
        ("bc1qqqqq", "Invalid separator position", vec![2]),
        ("bc1qBqqqqqq", "Invalid character or mixed case", vec![4]),
        (
            "bc1q\u{7f}qqqqqq",
            "Invalid character or mixed case",
            vec![4],
        ),
        ("bc1qbqqqqqq", "Invalid Base 32 character", vec![4]),
        ("bc1qqqqqqqqqqqqqqqq", "Invalid checksum", vec![]),
    ] {
        assert_eq!(decode(text), Err(Wrong::new(message, locations)), "{text}");
    }
    let long = format!("bc1{}", "q".repeat(90));
    assert_eq!(
        decode(&long),
        Err(Wrong::new("Bech32 string too long", vec![90, 91, 92]))
    );
}
