use proptest::prelude::*;

use super::*;

const KINDS: [Kind; 8] = [
    Kind::Raw,
    Kind::P2pkh,
    Kind::P2sh,
    Kind::P2wpkh,
    Kind::P2wsh,
    Kind::P2tr,
    Kind::P2pkEven,
    Kind::P2pkOdd,
];

fn expand(form: Form<'_>) -> Vec<u8> {
    let mut script = Vec::new();
    form.expand(&mut script);
    script
}

#[test]
fn every_kind_is_known_by_its_number_and_by_its_script() {
    for kind in KINDS {
        assert_eq!(Kind::from_byte(kind as u8), Some(kind));
        let payload = [0xab; 32];
        let payload = &payload[..kind.payload_size().unwrap_or(7)];
        let form = Form { kind, payload };
        assert_eq!(Form::of(&expand(form)), form);
    }
    assert_eq!(Kind::from_byte(8), None);
}

#[test]
fn a_script_that_differs_in_any_byte_of_its_frame_is_of_no_kind() {
    for kind in KINDS {
        let (before, after) = kind.frame();
        let size = kind.payload_size().unwrap_or_default();
        let script = expand(Form {
            kind,
            payload: &vec![9; size],
        });
        for at in (0..before.len()).chain(script.len() - after.len()..script.len()) {
            let mut other = script.clone();
            other[at] ^= 0x80;
            assert_eq!(Form::of(&other).kind, Kind::Raw);
            assert_eq!(Form::of(&script[..script.len() - 1]).kind, Kind::Raw);
        }
    }
}

proptest! {
    #[test]
    fn every_script_comes_back(script in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(expand(Form::of(&script)), script);
    }
}
