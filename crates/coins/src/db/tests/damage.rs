//! Files of the store that are not what was written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Mutex;

use super::*;

/// Coins as they are after each flush.
type Sets = Vec<BTreeMap<OutPointKey, OwnedCoin>>;

const FLUSHES: u8 = 4;
const COINS: u32 = 500;

fn make(dir: &Path) -> Sets {
    let (db, mut cache) = open(dir);
    let mut set = BTreeMap::new();
    let mut sets = vec![set.clone()];
    for flush_number in 0..FLUSHES {
        let first = u32::from(flush_number) * COINS;
        change(&mut cache, first..first + COINS);
        set.extend((first..first + COINS).map(|n| (key(n), OwnedCoin::numbered(n))));
        for number in (0..first).step_by(7) {
            set.remove(&key(number));
        }
        flush(&db, &mut cache, flush_number, flush_number + 1).unwrap();
        sets.push(set.clone());
    }
    sets
}

/// How far a file reaches that ends in nothing but zeros: the store sets room aside for a journal that it does not need.
fn end_of(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |at| at + 1)
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let copy = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&copy, &bytes[..end_of(&bytes)]).unwrap();
        let copy = fs::File::options().write(true).open(copy).unwrap();
        copy.set_len(bytes.len() as u64).unwrap();
    }
}

enum Outcome {
    /// Opening, or reading some coin, was refused.
    Noticed,
    /// All is as it was.
    Whole,
    /// The coins are those after an earlier flush, and say so.
    Earlier,
}

#[derive(Debug, Default)]
struct Outcomes {
    noticed: u32,
    whole: u32,
    earlier: u32,
}

impl Outcomes {
    fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Noticed => &mut self.noticed,
            Outcome::Whole => &mut self.whole,
            Outcome::Earlier => &mut self.earlier,
        } += 1;
    }
}

/// Opens a store that may be damaged and reads all.
fn examine(dir: &Path, sets: &Sets, what: &str) -> Outcome {
    let named = |error: CoinsError| {
        let message = error.to_string();
        assert!(
            matches!(error, CoinsError::Damaged { .. }),
            "{what}: {message}"
        );
        assert!(message.contains(&*dir.to_string_lossy()), "{message}");
        assert!(message.contains("--reindex-chainstate"), "{message}");
    };
    let state = CoinsDb::open(dir).map(|db| (db.state(), db));
    let (state, db) = match state {
        Ok(open) => open,
        Err(error) => {
            named(error);
            return Outcome::Noticed;
        }
    };
    let number = match state {
        DbState::Empty => 0,
        DbState::At { tip } => (0..=FLUSHES).find(|n| block(*n) == tip).expect(what),
    };
    let mut errors = Vec::new();
    for coin in 0..u32::from(FLUSHES) * COINS {
        let key = key(coin);
        let mut found = SpentCoins::new();
        let wanted = sets[usize::from(number)].get(&key);
        match db.get(&key, &mut found) {
            Ok(_) => assert_eq!(found.get(0).map(OwnedCoin::of).as_ref(), wanted, "{what}"),
            Err(error) => errors.push(error),
        }
    }
    let mut visited = 0;
    let all = db.snapshot().for_each(&[0; 36], |key, coin| {
        let wanted = &sets[usize::from(number)][key];
        assert_eq!(&OwnedCoin::of(coin), wanted, "{what}");
        visited += 1;
        ControlFlow::Continue(())
    });
    match all {
        Ok(()) if errors.is_empty() => assert_eq!(visited, sets[usize::from(number)].len()),
        Ok(()) => {}
        Err(error) => errors.push(error),
    }
    if !errors.is_empty() {
        errors.into_iter().for_each(named);
        Outcome::Noticed
    } else if number < FLUSHES {
        Outcome::Earlier
    } else {
        Outcome::Whole
    }
}

/// A file of the store, and what is done to it.
#[derive(Debug)]
struct Damage {
    file: PathBuf,
    /// Where; what follows the last byte that is not zero is left out of account.
    at: usize,
    kind: DamageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DamageKind {
    Flip,
    Cut,
}

fn damages(original: &Path) -> Vec<Damage> {
    let mut damages = Vec::new();
    for path in files(original) {
        let bytes = fs::read(&path).unwrap();
        let file = path.strip_prefix(original).unwrap();
        let end = end_of(&bytes);
        let flips = (0..5).map(|n| n * end / 5).chain(end.checked_sub(1));
        let mut flips: Vec<usize> = flips.filter(|at| *at < end).collect();
        flips.dedup();
        let cuts = [0, end / 2, end.saturating_sub(1)];
        let cuts = cuts.into_iter().filter(|_| !bytes.is_empty());
        damages.extend(
            flips
                .into_iter()
                .map(|at| (at, DamageKind::Flip))
                .chain(cuts.map(|at| (at, DamageKind::Cut)))
                .map(|(at, kind)| Damage {
                    file: file.to_owned(),
                    at,
                    kind,
                }),
        );
    }
    damages
}

impl Damage {
    fn apply(&self, dir: &Path) {
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(dir.join(&self.file))
            .unwrap();
        match self.kind {
            DamageKind::Flip => {
                let mut byte = [0];
                file.read_exact_at(&mut byte, self.at as u64).unwrap();
                file.write_all_at(&[byte[0] ^ 1 << (self.at % 8)], self.at as u64)
                    .unwrap();
            }
            DamageKind::Cut => file.set_len(self.at as u64).unwrap(),
        }
    }
}

#[test]
fn a_flipped_bit_or_a_cut_anywhere_in_the_store_is_noticed_or_has_no_effect() {
    let original = scratch().unwrap();
    let sets = make(original.path());
    let damages = Mutex::new(damages(original.path()));
    let outcomes = Mutex::new([Outcomes::default(), Outcomes::default()]);
    // Most of the time is spent waiting for the store's threads.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let Some(damage) = damages.lock().unwrap().pop() else {
                        break;
                    };
                    let dir = scratch().unwrap();
                    copy(original.path(), dir.path());
                    damage.apply(dir.path());
                    let outcome = examine(dir.path(), &sets, &format!("{damage:?}"));
                    outcomes.lock().unwrap()[damage.kind as usize].count(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    eprintln!("{outcomes:?}");
    let [flipped, cut] = outcomes;
    assert!(flipped.noticed > 20, "{flipped:?}");
    assert!(cut.noticed > 5, "{cut:?}");
}
