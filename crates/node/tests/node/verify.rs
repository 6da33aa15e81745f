//! `tipward verify` finds what is damaged, and the command that it names repairs it.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::*;
use crate::validate::{flip_a_byte, largest_run};

/// A data directory into which a chain was imported, and the file that it came from.
struct Imported {
    dir: TempDir,
}

const BLOCKS: u32 = 180;

impl Imported {
    fn new() -> Self {
        let imported = Self { dir: temp_dir() };
        let file = imported.file();
        let generated = finish(
            tipward()
                .args(["generate", "--seed", "3", "--blocks", &BLOCKS.to_string()])
                .arg("--out")
                .arg(&file),
        );
        assert!(generated.status.success(), "{}", generated.stderr);
        imported.import();
        imported
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("chain.dat")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("regtest").join(name)
    }

    fn run(&self, args: &[&str]) -> Finished {
        finish(
            tipward()
                .args(["--network", "regtest", "--datadir"])
                .arg(self.dir.path())
                .args(args),
        )
    }

    fn import(&self) {
        let done = self.run(&["import", self.file().to_str().unwrap()]);
        assert!(done.status.success(), "{}", done.stderr);
        let tip = format!("at height {BLOCKS}\n");
        assert!(done.stdout.contains(&tip), "{}", done.stdout);
    }

    fn assert_whole(&self, level: &str) {
        let done = self.run(&["verify", "--level", level]);
        assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
        assert_eq!(done.stderr, "");
        let words = format!("Verified {BLOCKS} blocks");
        assert!(done.stdout.contains(&words), "{}", done.stdout);
        assert!(done.stdout.ends_with("All is well\n"), "{}", done.stdout);
    }

    /// Verifies what is damaged; all that was said.
    fn damage(&self, args: &[&str]) -> String {
        let done = self.run(&[&["verify"], args].concat());
        assert_eq!(done.status.code(), Some(1), "{}", done.stdout);
        done.stdout + &done.stderr
    }
}

#[test]
fn a_whole_directory_is_found_whole_at_every_level() {
    let imported = Imported::new();
    for level in ["0", "1", "2", "3", "4"] {
        imported.assert_whole(level);
    }
    let some = imported.run(&["verify", "--blocks", "7"]);
    assert!(some.stdout.contains("Verified 7 blocks"), "{}", some.stdout);
    assert!(
        some.stdout.contains("against the last 7 blocks"),
        "{}",
        some.stdout
    );
    let none = imported.run(&["verify", "--level", "5"]);
    assert_eq!(none.status.code(), Some(1));
}

#[test]
fn damaged_blocks_are_all_named_and_reindex_and_import_repair_them() {
    let imported = Imported::new();
    let file = imported.path("blocks/blk00000.dat");
    let size = std::fs::metadata(&file).unwrap().len();
    for part in [4, 2] {
        flip_a_byte(&file, size / part);
    }
    let told = imported.damage(&[]);
    assert_eq!(told.matches("Damaged: block ").count(), 2, "{told}");
    for words in [
        file.to_str().unwrap(),
        "at offset",
        "2 damages found: `tipward reindex` repairs it",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let done = imported.run(&["reindex"]);
    assert!(done.status.success(), "{}", done.stderr);
    imported.import();
    imported.assert_whole("4");
}

#[test]
fn damaged_undo_data_is_named_and_reindex_chainstate_repairs_it() {
    let imported = Imported::new();
    let file = imported.path("blocks/rev00000.dat");
    let size = std::fs::metadata(&file).unwrap().len();
    flip_a_byte(&file, size / 2);
    let told = imported.damage(&["--level", "2"]);
    for words in [
        file.to_str().unwrap(),
        "1 damage found: `tipward reindex-chainstate` repairs it",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // Lower levels do not look at it.
    imported.assert_whole("1");
    let done = imported.run(&["reindex-chainstate"]);
    assert!(done.status.success(), "{}", done.stderr);
    imported.assert_whole("3");
}

#[test]
fn damaged_coins_are_named_and_reindex_chainstate_repairs_them() {
    let imported = Imported::new();
    let file = largest_run(&imported.path("coins"));
    let size = std::fs::metadata(&file).unwrap().len();
    flip_a_byte(&file, size / 3);
    let told = imported.damage(&[]);
    assert!(
        told.contains("coins") && told.contains("reindex-chainstate"),
        "{told}"
    );
    let done = imported.run(&["reindex-chainstate"]);
    assert!(done.status.success(), "{}", done.stderr);
    imported.assert_whole("3");
}

#[test]
fn verify_teaches_with_an_example() {
    let help = finish(tipward().args(["verify", "--help"]));
    assert!(
        help.stdout.contains("Examples:\n  tipward verify"),
        "{}",
        help.stdout
    );
}
