use tipward_primitives::bitcoin::hashes::Hash as _;

use super::*;
use crate::model::scratch;

fn manifest() -> Manifest {
    let listed = |id, from| Listed {
        id,
        size: 4096 * id,
        from,
    };
    Manifest {
        tip: DbState::At {
            tip: BlockHash::from_byte_array([7; 32]),
        },
        next: 9,
        parts: vec![listed(3, 0), listed(8, 1 << 63)],
        runs: vec![listed(5, 1 << 63), listed(6, 0)],
    }
}

fn put(dir: &Path, manifest: &Manifest) {
    manifest.prepare(dir).unwrap();
    Manifest::commit(dir).unwrap();
}

#[test]
fn it_comes_back_and_replaces_the_one_before() {
    let dir = scratch().unwrap();
    assert_eq!(Manifest::read(dir.path()).unwrap(), None);
    for manifest in [Manifest::empty(), manifest()] {
        put(dir.path(), &manifest);
        assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest));
    }
    // One that was not put in place is nothing.
    Manifest::empty().prepare(dir.path()).unwrap();
    assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest()));
}

#[test]
fn it_can_be_read_by_people() {
    let text = manifest().to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "tipward coins 3");
    assert_eq!(lines[1], format!("tip {}", "07".repeat(32)));
    assert_eq!(lines[4], "part 8 32768 8000000000000000");
    assert_eq!(lines[6], "run 6 24576 0000000000000000");
    assert_eq!(lines.len(), 8);
}

#[test]
fn any_other_byte_is_noticed() {
    let dir = scratch().unwrap();
    let path = dir.path().join(NAME);
    let text = manifest().to_text();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = Manifest::read(dir.path()).unwrap_err();
        assert!(matches!(error, CoinsError::Damaged { .. }), "{at}: {error}");
        fs::write(&path, &text[..at]).unwrap();
        assert!(Manifest::read(dir.path()).is_err(), "{at}");
    }
}

#[test]
fn a_later_format_is_named() {
    let dir = scratch().unwrap();
    let body = manifest().to_text().replace("coins 3", "coins 4");
    let body = body.split_once("checksum").unwrap().0;
    let sum = crc32c::crc32c(body.as_bytes());
    fs::write(dir.path().join(NAME), format!("{body}checksum {sum:08x}\n")).unwrap();
    let error = Manifest::read(dir.path()).unwrap_err();
    assert!(matches!(
        error,
        CoinsError::Format {
            found: 4,
            known: 3,
            ..
        }
    ));
    assert!(error.to_string().contains("--reindex-chainstate"));
}

#[test]
fn parts_that_are_out_of_order_are_refused() {
    for (at, from) in [(0, 1), (1, 0)] {
        let mut other = manifest();
        other.parts[at].from = from;
        assert!(Manifest::of(&other.to_text()).is_err());
    }
}
