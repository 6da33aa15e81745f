//! `tipward import`: takes blocks from files, as if a peer had sent them.
//!
//! ```text
//!  files ── 1st pass: 88 bytes of each block ──▶ Catalog ── headers ──▶ header tree
//!    │                                              │
//!    │                                           Plan: where each missing block lies, by height
//!    │                                              ▼
//!    └───── 2nd pass: whole blocks ─────────────▶ feed ── bodies ──▶ pipeline
//! ```
//!
//! Everything is validated as if it came from a peer. What is stored already is passed over, so that an import that was
//! interrupted, however it was, goes on when it is started again.

mod catalog;
mod feed;
mod frames;
mod source;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tipward_primitives::Params;

use crate::config::Options;
use crate::net::clock::Clock;
use crate::offline::{Offline, StopFlag, Workplace, counted};
use crate::progress::Meter;
use catalog::Catalog;
use feed::Fed;
use frames::{Frame, Frames, Leftovers};
use source::Source;

/// Files whose headers are read at the same time.
const SCANNERS: usize = 4;
/// Headers that go from a reading thread to the tree at a time, and how many such batches of a file may wait: together as
/// many as a file of full blocks has many times over.
const BATCH: usize = 1_000;
const WAITING: usize = 4;

/// Options of `tipward import`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// A data directory of Bitcoin Core's, a folder of block files, a single blk*.dat, a bootstrap.dat, or an export of
    /// tipward's; blocks may lie in any order
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tipward import ~/.bitcoin                      all blocks of a Bitcoin Core datadir
  tipward import bootstrap.dat                   of a single file
  tipward --network signet import /mnt/blocks    of a folder of block files, on another network
  tipward --dbcache 4000 import ~/.bitcoin       options of the node stand before the command

The node must not be running. Everything is validated as if it came from a peer. An import that was interrupted goes on when it is started again.";

/// Imports.
pub(crate) fn run(args: &ImportArgs, options: Options) -> anyhow::Result<()> {
    let place = Workplace::prepare(options)?;
    let config = &place.config;
    let files = source::find(&args.paths, &config.params, &config.netdir)?;
    let (opened, loaded) = place.open(&mut |_| {})?;
    let mut node = Offline::start(place.load(opened, loaded)?, config)?;
    let done = import(&mut node, &files, &place);
    match done {
        Ok(done) if !done.fed.stopped => {
            let told = done.tell(&node);
            node.finish()?;
            print!("{told}");
            Ok(())
        }
        Ok(_) => {
            let height = node.chain().tip_height();
            node.stop()?;
            bail!(
                "interrupted at height {height}: start the same command again to go on, or tipward to fetch the rest"
            )
        }
        Err(error) => {
            // What was stored so far stays; why it ended is what the user must hear.
            let _ = node.stop();
            Err(error)
        }
    }
}

/// What an import came to.
struct Done {
    files: usize,
    seconds: f64,
    catalog: Counts,
    fed: Fed,
}

/// What the first pass says besides the plan.
#[derive(Default)]
struct Counts {
    known: u64,
    planned: usize,
    unlinked: usize,
    orphans: usize,
    refused: Option<String>,
    notes: Vec<String>,
}

fn import(node: &mut Offline, files: &[Source], place: &Workplace) -> anyhow::Result<Done> {
    let begun = std::time::Instant::now();
    let mut counts = Counts::default();
    let catalog = scan(node, files, place, &mut counts.notes)?;
    node.write_headers();
    let (orphans, missing) = catalog.orphans();
    counts.orphans = orphans;
    if let Some((hash, reject)) = &catalog.first_refused {
        let refused = catalog.refused;
        counts.refused = Some(format!(
            "Headers that break a rule, passed over with all that build on them: {refused}, the first of block {hash}: {reject}"
        ));
    }
    if catalog.found() == 0 && !place.stop.is_set() {
        match (missing, &counts.refused) {
            (Some(missing), _) => bail!(
                "no block of the files ({}) builds on one that is known here: the file with block {missing} is missing. Import it \
                 first, or together with these",
                counted(orphans as u64, "block")
            ),
            (None, Some(refused)) => bail!("nothing was imported. {refused}"),
            (None, None) => {
                ensure!(!counts.notes.is_empty(), "the files are empty");
                bail!("nothing to import: {}", counts.notes.join("; "));
            }
        }
    }
    let blocks = node.blocks().clone();
    let size_of = |hash: &_| u64::from(blocks.size_of(hash).unwrap_or(0));
    let plan = catalog.plan(node.chain(), size_of);
    counts.known = plan.known;
    counts.planned = plan.items.len();
    counts.unlinked = plan.items.iter().filter(|item| !item.connects).count();
    let fed = feed::feed(node, plan, files, place)?;
    Ok(Done {
        files: files.len(),
        seconds: begun.elapsed().as_secs_f64(),
        catalog: counts,
        fed,
    })
}

/// What a thread of the first pass reports of its file.
enum Scanned {
    Frames(Vec<Frame>, u64),
    End(Leftovers),
    Failed(std::io::Error),
}

/// The first pass. Files are read by several threads, and taken in their order.
fn scan(
    node: &mut Offline,
    files: &[Source],
    place: &Workplace,
    notes: &mut Vec<String>,
) -> anyhow::Result<Catalog> {
    let (params, now) = (&place.config.params, Clock::default().now());
    let total: u64 = files.iter().map(|file| file.len).sum();
    let mut meter = Meter::begin(&place.display, "indexing");
    let mut catalog = Catalog::default();
    let (senders, receivers): (Vec<_>, Vec<Receiver<Scanned>>) =
        files.iter().map(|_| sync_channel(WAITING)).unzip();
    let next = AtomicUsize::new(0);
    let stop = &place.stop;
    std::thread::scope(|threads| {
        for number in 0..SCANNERS.min(files.len()) {
            let (next, senders) = (&next, senders.clone());
            std::thread::Builder::new()
                .name(format!("scan-{number}"))
                .spawn_scoped(threads, move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(file), Some(out)) = (files.get(at), senders.get(at)) else {
                            return;
                        };
                        if !scan_file(file, params, out, stop) {
                            return;
                        }
                    }
                })?;
        }
        drop(senders);
        let mut before = 0;
        // When this returns early, the receivers go, and whoever sends to one ends.
        for (number, (file, receiver)) in files.iter().zip(receivers).enumerate() {
            let file_number = u32::try_from(number).context("too many files")?;
            let mut frames = 0_usize;
            for scanned in receiver {
                match scanned {
                    Scanned::Frames(batch, at) => {
                        frames += batch.len();
                        for frame in &batch {
                            catalog.add(node, file_number, frame, now);
                        }
                        let found = catalog.found();
                        meter.show(before + at, total, || format!("{found} blocks, "));
                    }
                    Scanned::End(_) if stop.is_set() => return Ok(catalog),
                    Scanned::End(leftovers) => {
                        if frames == 0 && file.len > 0 {
                            notes.push(file.why_empty(params)?);
                        } else {
                            notes.extend(tell_leftovers(file, leftovers));
                        }
                        break;
                    }
                    Scanned::Failed(error) => {
                        return Err(error)
                            .with_context(|| format!("cannot read {}", file.path.display()));
                    }
                }
            }
            before += file.len;
        }
        Ok(catalog)
    })
}

/// Reports the frames of a file; false if nobody wants to hear of more.
fn scan_file(file: &Source, params: &Params, out: &SyncSender<Scanned>, stop: &StopFlag) -> bool {
    let scan = || {
        let mut frames = Frames::open(file, params)?;
        let mut batch = Vec::new();
        while let Some(frame) = frames.next()? {
            batch.push(frame);
            if batch.len() >= BATCH {
                let batch = std::mem::take(&mut batch);
                let sent = out.send(Scanned::Frames(batch, frames.position()));
                if sent.is_err() || stop.is_set() {
                    return Ok(Leftovers::default());
                }
            }
        }
        // If nobody listens, the end finds that out, too.
        let _ = out.send(Scanned::Frames(batch, frames.position()));
        Ok(frames.leftovers())
    };
    let end = match scan() {
        Ok(leftovers) => Scanned::End(leftovers),
        Err(error) => Scanned::Failed(error),
    };
    out.send(end).is_ok() && !stop.is_set()
}

fn tell_leftovers(file: &Source, leftovers: Leftovers) -> Option<String> {
    let path = file.path.display();
    if let Some(offset) = leftovers.truncated {
        return Some(format!(
            "{path} ends within a block, which begins at offset {offset}"
        ));
    }
    let skipped = leftovers.skipped;
    (skipped > 0).then(|| format!("{path} holds {skipped} bytes that are no blocks, passed over"))
}

impl Done {
    /// What the user reads in the end.
    fn tell(&self, node: &Offline) -> String {
        let (chain, fed, counts) = (node.chain(), &self.fed, &self.catalog);
        let mut lines = vec![format!(
            "Imported {}, {:.1} MB, from {} in {:.1} s: the tip is {} at height {}",
            counted(fed.blocks, "block"),
            fed.bytes as f64 / 1e6,
            counted(self.files as u64, "file"),
            self.seconds,
            chain.tip_hash(),
            chain.tip_height()
        )];
        if counts.known > 0 {
            lines.push(format!("Stored before: {}", counted(counts.known, "block")));
        }
        if counts.unlinked > 0 {
            lines.push(format!(
                "Beside the best chain, or behind a block that is in none of the files: {}",
                counted(counts.unlinked as u64, "block")
            ));
        }
        if counts.orphans > 0 {
            lines.push(format!(
                "Passed over, because what they build on is in none of the files: {}",
                counted(counts.orphans as u64, "block")
            ));
        }
        let best = chain.best_header();
        if chain.height(best) > chain.tip_height() {
            lines.push(format!(
                "Headers reach to height {}: start tipward to fetch the blocks that are missing",
                chain.height(best)
            ));
        }
        lines.extend(counts.refused.clone());
        let (invalid, invalid_in_all) = node.invalid();
        for block in invalid {
            let (hash, height, why) = (block.hash, block.height, &block.reject);
            lines.push(format!("Invalid: block {hash} at height {height}: {why}"));
        }
        lines.extend(more(invalid.len(), invalid_in_all, "invalid"));
        lines.extend(fed.damaged.iter().map(|line| format!("Damaged: {line}")));
        lines.extend(more(fed.damaged.len(), fed.damaged_in_all, "damaged"));
        lines.extend(counts.notes.iter().map(|note| format!("Note: {note}")));
        lines.push(String::new());
        lines.join("\n")
    }
}

fn more(told: usize, in_all: u64, what: &str) -> Option<String> {
    let untold = in_all.saturating_sub(told as u64);
    (untold > 0).then(|| {
        format!(
            "Not listed: {}",
            counted(untold, &format!("more {what} block"))
        )
    })
}
