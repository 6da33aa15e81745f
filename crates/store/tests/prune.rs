//! Files are deleted to save space, and whatever is opened afterwards knows what is gone.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod common;

use std::collections::HashMap;
use std::path::Path;

use common::*;
use tipward_primitives::{BlockHash, Header, Height};
use tipward_store::{BlockStore, Loaded, NewBlock, Reindex, StoreError, UndoFiles, reindex};

/// Four blocks fit into a file of this size, and undo data of about six.
const FILE: u64 = 2000;

struct Made {
    headers: Vec<Header>,
    blocks: Vec<NewBlock>,
    heights: HashMap<BlockHash, Height>,
}

fn open_small(dir: &Path) -> (BlockStore, UndoFiles, Loaded) {
    BlockStore::open_sized(dir, &params(), FILE, &mut |_| {}).unwrap()
}

impl Made {
    fn new(count: usize) -> Self {
        let (headers, blocks) = chain(std::iter::repeat_n(300, count));
        let heights = blocks.iter().map(|b| (b.hash, b.height)).collect();
        Self {
            headers,
            blocks,
            heights,
        }
    }

    fn undo(&self) -> Vec<(BlockHash, BlockHash, Vec<u8>)> {
        undo_data(&self.blocks, std::iter::repeat_n(300, self.blocks.len()))
    }

    /// Stores the blocks from one height on, and their undo data.
    fn append(&self, store: &mut BlockStore, undo: &mut UndoFiles, from: Height) {
        let at = from as usize - 1;
        store.append_headers(&self.headers[at..]).unwrap();
        store.append_blocks(&self.blocks[at..]).unwrap();
        for (i, (hash, previous, bytes)) in self.undo().iter().enumerate().skip(at) {
            undo.append(hash, previous, i as Height + 1, bytes).unwrap();
        }
    }

    fn learn(&self, store: &mut BlockStore, undo: &mut UndoFiles) {
        let height_of = |hash: &BlockHash| self.heights.get(hash).copied();
        store.learn_heights(&height_of).unwrap();
        undo.learn_heights(&height_of).unwrap();
    }

    /// Heights of the blocks that can be read, and of those whose undo data can.
    fn readable(&self, store: &BlockStore, undo: &UndoFiles) -> (Vec<Height>, Vec<Height>) {
        let (blocks, undos) = (store.reader(), undo.reader());
        let read = |block: &&NewBlock| blocks.read(&block.hash).unwrap().is_some();
        let blocks = self.blocks.iter().filter(read).map(|b| b.height).collect();
        let undos = self
            .undo()
            .iter()
            .zip(1..)
            .filter(|((hash, previous, _), _)| undos.read(hash, previous).unwrap().is_some())
            .map(|(_, height)| height)
            .collect();
        (blocks, undos)
    }
}

fn prune_up_to(store: &mut BlockStore, undo: &mut UndoFiles, height: Height) -> Vec<BlockHash> {
    let numbers = |files: tipward_store::FileTable| -> Vec<u32> {
        let files = files.finished_up_to(height).into_iter();
        files.map(|file| file.number).collect()
    };
    let (blocks, undos) = (
        numbers(store.reader().files()),
        numbers(undo.reader().files()),
    );
    undo.prune(&undos).unwrap();
    store.prune(&blocks).unwrap()
}

fn data_files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir.join("blocks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "dat")
        })
        .collect();
    names.sort();
    names
}

fn total(dir: &Path) -> u64 {
    let files = data_files(dir).into_iter();
    files.map(|name| len(&dir.join("blocks").join(name))).sum()
}

#[test]
fn whole_files_are_deleted_and_the_rest_can_be_read_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new(20);
    let (mut store, mut undo, _) = open_small(dir.path());
    made.append(&mut store, &mut undo, 1);
    let before = total(dir.path());
    let gone = prune_up_to(&mut store, &mut undo, 10);

    let (blocks, undos) = made.readable(&store, &undo);
    assert_eq!(blocks.last(), Some(&20));
    let first = blocks[0];
    assert!((7..=11).contains(&first), "{blocks:?}");
    assert!((5..=11).contains(&undos[0]), "{undos:?}");
    // The genesis block lay in the first file.
    let mut expected = vec![params().genesis_hash];
    expected.extend(hashes(&made.blocks[..first as usize - 1]));
    assert_eq!(gone, expected);
    assert!(total(dir.path()) < before);
    assert_eq!(
        store.reader().files().bytes() + undo.reader().files().bytes(),
        total(dir.path())
    );

    drop((store, undo));
    let (mut store, mut undo, loaded) = open_small(dir.path());
    assert_eq!(loaded.report.repairs, []);
    assert!(store.is_pruned());
    let stored: Vec<_> = loaded.blocks.map(Result::unwrap).collect();
    assert_eq!(stored.len(), 21);
    for (block, height) in stored.iter().zip(0..) {
        assert_eq!(block.pruned, height < first);
        assert_eq!(block.transactions, 1);
    }
    assert_eq!(made.readable(&store, &undo), (blocks, undos));
    made.learn(&mut store, &mut undo);
    assert_eq!(
        store.reader().files().bytes() + undo.reader().files().bytes(),
        total(dir.path())
    );
    // Going on and pruning again: nothing comes back.
    let gone = prune_up_to(&mut store, &mut undo, 15);
    assert!(gone.iter().all(|hash| made.heights[hash] >= first));
    assert!(!gone.is_empty());
}

#[test]
fn a_file_with_one_block_too_high_stays_and_so_does_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = Made::new(8);
    // It came out of order, and shares the file with the first ones.
    made.blocks.swap(1, 7);
    let (mut store, mut undo, _) = open_small(dir.path());
    store.append_headers(&made.headers).unwrap();
    store.append_blocks(&made.blocks).unwrap();
    let gone = prune_up_to(&mut store, &mut undo, 7);
    assert!(!gone.contains(&made.blocks[0].hash));
    assert!(!gone.is_empty());
    prune_up_to(&mut store, &mut undo, 100);
    let (left, _) = made.readable(&store, &undo);
    assert_eq!(left.len(), store.reader().blocks() as usize);
    assert!(!left.is_empty(), "the file that is appended to is kept");
    // Nor is it deleted by its number.
    assert_eq!(store.prune(&[0, 1, 2, 3, 4, 5, 6]).unwrap(), []);
}

#[test]
fn a_crash_at_any_step_of_a_deletion_is_finished_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new(20);
    let (mut store, mut undo, _) = open_small(dir.path());
    made.append(&mut store, &mut undo, 1);
    store.sync().unwrap();
    undo.sync().unwrap();
    let before = tempfile::tempdir().unwrap();
    copy(dir.path(), before.path());
    prune_up_to(&mut store, &mut undo, 10);
    let expected = made.readable(&store, &undo);
    drop((store, undo));

    let kept = data_files(dir.path());
    let deleted: Vec<String> = data_files(before.path())
        .into_iter()
        .filter(|name| !kept.contains(name))
        .collect();
    assert!(deleted.len() >= 4, "{deleted:?}");
    // Every number of files that were not deleted yet when it ended.
    for left in 0..=deleted.len() {
        let end = tempfile::tempdir().unwrap();
        copy(dir.path(), end.path());
        for name in &deleted[..left] {
            let name = Path::new("blocks").join(name);
            std::fs::copy(before.path().join(&name), end.path().join(&name)).unwrap();
        }
        let (store, undo, loaded) = open_small(end.path());
        assert_eq!(loaded.report.repairs, []);
        assert_eq!(made.readable(&store, &undo), expected);
        assert_eq!(data_files(end.path()), kept);
    }
    // And before it was said: nothing is deleted.
    let (store, undo, loaded) = open_small(before.path());
    assert_eq!(loaded.report.repairs, []);
    assert_eq!(made.readable(&store, &undo).0.len(), 20);
}

#[test]
fn an_end_right_after_a_new_file_was_begun_does_not_bring_a_deleted_one_back() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new(20);
    let (mut store, mut undo, _) = open_small(dir.path());
    made.append(&mut store, &mut undo, 1);
    store.sync().unwrap();
    // What the last file held is lost, along with its records: the log ends where the file before it does.
    let last = *made.readable(&store, &undo).0.last().unwrap();
    assert_eq!(last, 20);
    prune_up_to(&mut store, &mut undo, 20);
    let left = made.readable(&store, &undo).0;
    drop((store, undo));
    let log = dir.path().join("blocks/index.log");
    // Behind the head are the genesis block, the blocks, and sync marks.
    let records = 1 + 20 - left.len() as u64;
    truncate(&log, 16 + 56 * records);
    let name = data_files(dir.path()).into_iter().next().unwrap();
    truncate(&dir.path().join("blocks").join(&name), 0);

    let (mut store, mut undo, _) = open_small(dir.path());
    assert_eq!(data_files(dir.path()).first(), Some(&name));
    made.append(&mut store, &mut undo, left[0]);
    assert_eq!(made.readable(&store, &undo).0, left);
}

#[test]
fn a_damaged_list_of_deleted_files_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new(20);
    let (mut store, mut undo, _) = open_small(dir.path());
    made.append(&mut store, &mut undo, 1);
    prune_up_to(&mut store, &mut undo, 10);
    drop((store, undo));
    flip(&dir.path().join("blocks/blk.pruned"), 25, 1);
    let error = BlockStore::open(dir.path(), &params()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Unusable { .. }), "{text}");
    assert!(
        text.contains("blk.pruned") && text.contains("--reindex"),
        "{text}"
    );
}

#[test]
fn where_blocks_are_missing_coins_cannot_be_made_anew_and_everything_else_is_downloaded() {
    let dir = tempfile::tempdir().unwrap();
    let made = Made::new(20);
    let (mut store, mut undo, _) = open_small(dir.path());
    made.append(&mut store, &mut undo, 1);
    prune_up_to(&mut store, &mut undo, 10);
    let left = made.readable(&store, &undo);
    drop((store, undo));

    let refused = reindex(dir.path(), &params(), Reindex::ChainState).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("--reindex instead"), "{text}");
    // Nothing was touched.
    let (store, undo, _) = open_small(dir.path());
    assert_eq!(made.readable(&store, &undo), left);
    drop((store, undo));

    reindex(dir.path(), &params(), Reindex::All).unwrap();
    let (mut store, mut undo, loaded) = open_small(dir.path());
    assert_eq!(loaded.report.repairs, []);
    assert_eq!((loaded.report.headers, loaded.report.blocks), (0, 1));
    assert!(!store.is_pruned());
    made.append(&mut store, &mut undo, 1);
    assert_eq!(made.readable(&store, &undo).0.len(), 20);
}
