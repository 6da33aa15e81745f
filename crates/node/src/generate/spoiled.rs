//! `tipward generate --copy FILE --spoil HEIGHT`: a copy of a chain in which one signature is wrong.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Context as _, ensure};
use bitcoin::hashes::Hash as _;
use bytes::Bytes;
use tipward_primitives::{BlockHash, Height, Network, Params, RawBlock};
use tipward_testkit::generate::Spoiler;

use super::write_block;
use crate::serve::Archive;

/// Writes the copy.
pub(super) fn run(file: &PathBuf, spoil: Height, out: &Path) -> anyhow::Result<()> {
    let params = Params::new(Network::Regtest);
    let archive = Archive::open(slice::from_ref(file), &params)?;
    let height = archive.tip().0;
    ensure!(
        (1..=height).contains(&spoil),
        "--spoil must be between 1 and {height}, the height of the chain in {}",
        file.display()
    );
    ensure!(
        !same(file, out),
        "--out must be another file than that of --copy"
    );
    let target = File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    let mut target = BufWriter::with_capacity(1 << 20, target);
    let mut spoiler = Spoiler::new(spoil);
    let mut bytes = 0;
    let mut hashes = Vec::new();
    for header in archive.headers_after(&[], BlockHash::all_zeros(), usize::MAX) {
        let stored = archive.get(&header.block_hash());
        let stored = stored.context("a block of the chain is gone")?;
        let block = RawBlock::new(Bytes::copy_from_slice(stored.bytes())).context("no block")?;
        let block = spoiler
            .pass(block)
            .with_context(|| format!("block {spoil} has no P2WPKH input to spoil"))?;
        bytes += write_block(&mut target, &block, &params)?;
        hashes.push(block.block_hash());
    }
    target.flush()?;
    let tip = hashes.last().context("no block")?;
    println!("{height} blocks, {bytes} bytes, tip {tip} at height {height}");
    println!(
        "one signature is wrong in block {} at height {spoil}",
        hashes[spoil as usize - 1]
    );
    Ok(())
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
