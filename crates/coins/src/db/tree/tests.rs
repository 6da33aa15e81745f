use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::super::page::entry_bytes;
use super::*;
use crate::model::scratch;

/// Small files, and everything happens soon.
fn small() -> Shape {
    Shape {
        part: 8 << 10,
        fold_at: 20,
        least_fold: 1 << 10,
        most_runs: 3,
        too_many_runs: 6,
        reserve: 0,
    }
}

fn key(number: u16) -> [u8; 33] {
    let mut key = [5; 33];
    let hash = u64::from(number / 3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key[..8].copy_from_slice(&hash.to_be_bytes());
    key[8..16].copy_from_slice(&hash.rotate_left(17).to_be_bytes());
    key[32] = (number % 3) as u8;
    key
}

fn tip(number: u8) -> DbState {
    DbState::At {
        tip: BlockHash::from_byte_array([number; 32]),
    }
}

type Map = BTreeMap<[u8; 33], Vec<u8>>;

/// Writes changes; an empty value takes a key out.
fn load(tree: &Tree, number: u8, changes: &Map) {
    let done = tree.load(tip(number), changes.len() as u64, |load| {
        for (key, value) in changes {
            load.push(&Entry::of(&entry_bytes(key, value)).unwrap())?;
        }
        Ok(true)
    });
    assert!(done.unwrap());
}

fn apply(map: &mut Map, changes: &Map) {
    for (key, value) in changes {
        if value.is_empty() {
            map.remove(key);
        } else {
            map.insert(*key, value.clone());
        }
    }
}

fn assert_is(version: &Version, map: &Map) {
    for number in 0..900 {
        let key = key(number);
        let found = version.get(&key).unwrap();
        assert_eq!(found, map.get(&key).map(|value| &**value));
    }
    let keys: Vec<Vec<u8>> = (0..900).map(|number| key(number).into()).collect();
    for from_disk in [false, true] {
        let mut found = Map::new();
        let mut each = |number, value: &[u8]| {
            assert!(found.insert(key(number as u16), value.to_vec()).is_none());
            Ok(())
        };
        for (chunk, keys) in keys.chunks(50).enumerate() {
            let ahead = ReadAhead::default();
            if from_disk {
                (0..2).for_each(|_| ahead.took(1, Duration::from_secs(1)));
            }
            let each = |number: usize, value: &[u8]| each(chunk * 50 + number, value);
            version.get_all(keys, &ahead, each).unwrap();
        }
        assert_eq!(&found, map);
    }
    for from in [0, 100, 500] {
        let from = key(from);
        let mut scan = version.from(&from).unwrap();
        let mut found = Vec::new();
        while let Some(entry) = scan.entry().unwrap() {
            if !entry.value().is_empty() {
                found.push((entry.key().try_into().unwrap(), entry.value().to_vec()));
            }
            scan.advance().unwrap();
        }
        let wanted: Vec<([u8; 33], _)> = map.range(from..).map(|(k, v)| (*k, v.clone())).collect();
        assert_eq!(found, wanted);
    }
}

/// The files in a folder are those of the version, and no others.
fn assert_no_other_files(tree: &Tree) {
    let version = tree.version();
    let files = std::fs::read_dir(tree.dir()).unwrap();
    let runs = files.filter(|file| {
        let path = file.as_ref().unwrap().path();
        path.extension().is_some_and(|e| e == "run")
    });
    assert_eq!(runs.count(), version.above.len() + version.parts.len());
}

fn changes(most: usize) -> impl Strategy<Value = Map> {
    let value = prop_oneof![
        2 => Just(Vec::new()),
        3 => proptest::collection::vec(any::<u8>(), 1..50),
    ];
    let pair = ((0..900u16).prop_map(key), value);
    proptest::collection::btree_map(pair.0, pair.1, 0..most)
}

#[derive(Clone, Debug)]
enum Step {
    Load(Map),
    Merge(u32),
    MergeAll,
    Reopen,
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => changes(300).prop_map(Step::Load),
        2 => changes(10).prop_map(Step::Load),
        3 => (0..3u32).prop_map(Step::Merge),
        1 => Just(Step::MergeAll),
        1 => Just(Step::Reopen),
        1 => Just(Step::Snapshot),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_a_map_whatever_is_merged_when(steps in proptest::collection::vec(step(), 1..30)) {
        let dir = scratch().unwrap();
        let mut tree = Tree::open(dir.path(), small()).unwrap();
        let mut map = Map::new();
        let mut snapshot: Option<(Arc<Version>, Map)> = None;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Load(changes) => {
                    load(&tree, number as u8, &changes);
                    apply(&mut map, &changes);
                    prop_assert_eq!(tree.version().state(), tip(number as u8));
                }
                Step::Merge(mut slices) => {
                    tree.merge(|| { slices = slices.saturating_sub(1); slices == 0 }).unwrap();
                }
                Step::MergeAll => {
                    prop_assert_eq!(tree.merge(|| false).unwrap(), Merged::Done);
                    prop_assert!(tree.version().runs() <= small().most_runs);
                }
                Step::Reopen => {
                    snapshot = None;
                    drop(tree);
                    tree = Tree::open(dir.path(), small()).unwrap();
                }
                Step::Snapshot => snapshot = Some((tree.version(), map.clone())),
            }
            assert_is(&tree.version(), &map);
        }
        if let Some((version, map)) = snapshot {
            assert_is(&version, &map);
        }
        drop(tree);
        let tree = Tree::open(dir.path(), small()).unwrap();
        assert_is(&tree.version(), &map);
        assert_no_other_files(&tree);
        tree.merge(|| false).unwrap();
        assert_no_other_files(&tree);
    }
}

/// Changes for many keys, with values that tell when they were written.
fn many(number: u8, keys: impl Iterator<Item = u16>) -> Map {
    keys.map(|k| (key(k), vec![number; 40])).collect()
}

#[test]
fn the_last_level_is_in_parts_of_like_size_and_what_is_gone_is_not_in_it() {
    let dir = scratch().unwrap();
    let tree = Tree::open(dir.path(), small()).unwrap();
    load(&tree, 1, &many(1, 0..900));
    let mut changes = many(2, (0..900).step_by(2));
    for key in (0..900).step_by(5).map(key) {
        changes.insert(key, Vec::new());
    }
    load(&tree, 2, &changes);
    assert_eq!(tree.merge(|| false).unwrap(), Merged::Done);
    let version = tree.version();
    assert_eq!(version.runs(), 0);
    assert!(version.parts.len() > 4, "{}", version.parts.len());
    for part in &version.parts {
        assert!((4 << 10..20 << 10).contains(&part.run.size()));
    }
    let entries: u64 = version.parts.iter().map(|part| part.run.entries()).sum();
    assert_eq!(entries, 900 - 180);
}

#[test]
fn when_all_coins_are_spent_no_file_is_left() {
    let dir = scratch().unwrap();
    let tree = Tree::open(dir.path(), small()).unwrap();
    load(&tree, 1, &many(1, 0..900));
    load(&tree, 2, &(0..900).map(|k| (key(k), Vec::new())).collect());
    assert_is(&tree.version(), &Map::new());
    tree.merge(|| false).unwrap();
    assert!(tree.version().is_empty());
    assert_no_other_files(&tree);
    // And it begins again.
    load(&tree, 3, &many(3, 0..10));
    assert_is(&tree.version(), &many(3, 0..10));
}

#[test]
fn a_merge_that_was_cut_short_is_made_good_when_it_is_opened() {
    let dir = scratch().unwrap();
    let tree = Tree::open(dir.path(), small()).unwrap();
    let mut map = many(1, 0..900);
    load(&tree, 1, &map);
    for number in 2..4 {
        tree.merge(|| false).unwrap();
        let changes = many(number, (0..900).step_by(2));
        load(&tree, number, &changes);
        apply(&mut map, &changes);
    }
    // Pauses after each part: the run above is folded into some parts and not into others.
    let mut parts = 0;
    loop {
        let merged = tree.merge(|| true).unwrap();
        assert_is(&tree.version(), &map);
        if merged == Merged::Done {
            break;
        }
        parts += 1;
        let copy = scratch().unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let path = file.unwrap().path();
            std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        // As one that is killed leaves it.
        std::fs::write(copy.path().join("99999999.run"), "half a run").unwrap();
        let other = Tree::open(copy.path(), small()).unwrap();
        assert_is(&other.version(), &map);
        assert_no_other_files(&other);
        other.merge(|| false).unwrap();
        assert_is(&other.version(), &map);
        assert_eq!(other.version().runs(), 0);
    }
    assert!(parts > 4);
}

#[test]
fn too_many_runs_are_joined_before_the_next_is_written() {
    let dir = scratch().unwrap();
    let shape = Shape {
        least_fold: u64::MAX,
        ..small()
    };
    let tree = Tree::open(dir.path(), shape).unwrap();
    let mut map = Map::new();
    for number in 0..40 {
        let changes = many(number, (0..900).skip(number.into()).step_by(9));
        load(&tree, number, &changes);
        apply(&mut map, &changes);
        assert!(tree.version().runs() <= shape.too_many_runs);
    }
    assert_is(&tree.version(), &map);
}

#[test]
fn a_full_disk_stops_a_merge_and_changes_nothing() {
    let dir = scratch().unwrap();
    let tree = Tree::open(dir.path(), small()).unwrap();
    let mut map = many(1, 0..900);
    load(&tree, 1, &map);
    let changes = many(2, (0..900).step_by(2));
    load(&tree, 2, &changes);
    apply(&mut map, &changes);
    tree.set_shape(|shape| shape.reserve = 1 << 60);
    for _ in 0..3 {
        assert!(tree.merge(|| false).unwrap_err().is_full());
        assert_is(&tree.version(), &map);
        assert_no_other_files(&tree);
    }
    tree.set_shape(|shape| shape.reserve = 0);
    assert_eq!(tree.merge(|| false).unwrap(), Merged::Done);
    assert_is(&tree.version(), &map);
}

#[test]
fn the_coins_of_an_earlier_format_are_named() {
    let dir = scratch().unwrap();
    std::fs::create_dir(dir.path().join("keyspaces")).unwrap();
    let error = Tree::open(dir.path(), small()).unwrap_err();
    assert!(matches!(
        error,
        CoinsError::Format {
            found: 1,
            known: 3,
            ..
        }
    ));
}

#[test]
fn a_damaged_file_is_named_and_the_others_stay() {
    let dir = scratch().unwrap();
    {
        let tree = Tree::open(dir.path(), small()).unwrap();
        load(&tree, 1, &many(1, 0..900));
        load(&tree, 2, &many(2, 0..100));
        tree.merge(|| false).unwrap();
        load(&tree, 3, &many(3, 100..120));
    }
    let files = || std::fs::read_dir(dir.path()).unwrap().count();
    let manifest = dir.path().join("manifest");
    let text = std::fs::read(&manifest).unwrap();
    std::fs::remove_file(&manifest).unwrap();
    let error = Tree::open(dir.path(), small()).unwrap_err();
    assert!(error.to_string().contains("manifest is missing"), "{error}");
    std::fs::write(&manifest, text).unwrap();
    let before = files();
    let last = Manifest::read(dir.path()).unwrap().unwrap().runs[0].id;
    let path = Run::path(dir.path(), last);
    let bytes = std::fs::read(&path).unwrap();
    for size in [0, 10, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..size]).unwrap();
        let error = Tree::open(dir.path(), small()).unwrap_err();
        assert!(
            error.to_string().contains(&*path.to_string_lossy()),
            "{error}"
        );
        assert_eq!(files(), before);
    }
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(
        Tree::open(dir.path(), small()).unwrap().version().state(),
        tip(3)
    );
}
