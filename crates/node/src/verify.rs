//! `tipward verify`: holds blocks, undo data and coins on disk against each other, and says what is damaged and what repairs it.
//!
//! The levels are those of `verifychain` (`tipward_rpc::verify`). Up to level 2 each block stands for itself, so all cores
//! work on them, and one that is damaged does not keep the others from being looked at. Levels 3 and 4 go back from the tip, as
//! far as was asked for and memory allows.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use anyhow::bail;
use clap::Args;
use tipward_chain::{ChainView, Fault, HeaderId};
use tipward_coins::CoinsDb;
use tipward_consensus::ScriptFlags;
use tipward_primitives::{BlockHash, Height, Params, RawBlock};
use tipward_rpc::verify::{CoinCheck, Damage, Ground, MAX_CHANGES, MAX_LEVEL, Part, Verifier};
use tipward_rpc::{BlockUndo, SubmitError};
use tipward_store::{BlockReader, StoreError, UndoReader};

use crate::config::Options;
use crate::offline::{Workplace, counted};
use crate::progress::Meter;
use crate::rpc::coins::{SnapshotSet, read_undo};
use crate::rpc::scripts::check_scripts;

/// Results that may wait to be counted.
const WAITING: usize = 256;
/// Damages that are told one by one.
const MOST_TOLD: usize = 100;

/// Options of `tipward verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// 0 reads the blocks, 1 checks all of them that needs no coins, 2 reads the undo data, 3 reads all coins and
    /// disconnects the last blocks in memory, 4 connects them again, scripts included. A level does all that lower ones do
    #[arg(long, value_name = "LEVEL", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_LEVEL)))]
    pub level: u32,

    /// Blocks to verify, from the tip backwards; 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub blocks: Height,
}

const EXAMPLES: &str = "\
Examples:
  tipward verify                         everything, but for scripts
  tipward verify --level 0               read every block, as fast as the disk is
  tipward verify --level 4 --blocks 100  the last blocks, scripts and all

The node must not be running. Nothing is changed, but for what a start of the node would mend. If something is damaged, it is \
named, with the command that repairs it, and the exit code is 1.";

/// Verifies.
pub(crate) fn run(args: &VerifyArgs, options: Options) -> anyhow::Result<()> {
    let place = Workplace::prepare(options)?;
    let (files, loaded) = place.open(&mut |_| {})?;
    let start = place.load(files, loaded)?;
    let files = Files {
        blocks: start.files.store.reader(),
        undo: start.files.undo.reader(),
        params: &place.config.params,
        view: &start.chain,
    };
    let (view, tip): (&ChainView, _) = (&start.chain, start.chain.tip());
    let count = match args.blocks {
        0 => view.height(tip),
        blocks => blocks.min(view.height(tip)),
    };
    // Blocks that were deleted to save space are no damage.
    let back = view.tree().backwards(tip).take(count as usize);
    let chain: Vec<HeaderId> = back.take_while(|id| !view.is_pruned(*id)).collect();
    let verifier = Verifier {
        ground: &files,
        view,
        level: args.level,
    };
    let mut found = Found {
        held_all: true,
        ..Found::default()
    };
    let seconds = blocks_alone(&verifier, &chain, &files, &place, &mut found)?;
    if args.level >= 3 {
        coins(
            &verifier,
            &chain,
            &start.files.coins,
            &files,
            &place,
            &mut found,
        )?;
    }
    found.tell(args.level, seconds)
}

/// The files of a data directory that no node runs on.
struct Files<'a> {
    blocks: BlockReader,
    undo: UndoReader,
    params: &'a Params,
    view: &'a ChainView,
}

impl Ground for Files<'_> {
    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        self.blocks.read(hash)
    }

    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault> {
        let Some(id) = self.view.find(hash) else {
            return Ok(None);
        };
        read_undo(&self.undo, hash, &self.view.header(id).prev_blockhash)
    }

    fn check_scripts(
        &self,
        block: &RawBlock,
        spent: &BlockUndo,
        flags: ScriptFlags,
    ) -> Result<(), SubmitError> {
        check_scripts(self.params, block, spent, flags)
    }
}

impl Files<'_> {
    fn size_of(&self, id: HeaderId) -> u64 {
        u64::from(self.blocks.size_of(&self.view.hash(id)).unwrap_or(0))
    }
}

/// What there was, and what of it is damaged.
#[derive(Default)]
struct Found {
    blocks: u64,
    bytes: u64,
    coins: u64,
    /// Blocks that were held against the coins.
    held: u64,
    /// Memory allowed for all of them.
    held_all: bool,
    /// A hundred of them.
    damages: Vec<Damage>,
    in_all: u64,
    /// Blocks are damaged, so that all must be built anew.
    blocks_damaged: bool,
}

impl Found {
    fn note(&mut self, damage: Damage) {
        self.in_all += 1;
        self.blocks_damaged |= damage.part == Part::Block;
        if self.damages.len() < MOST_TOLD {
            self.damages.push(damage);
        }
    }

    fn tell(mut self, level: u32, seconds: f64) -> anyhow::Result<()> {
        self.damages.sort_by_key(|damage| damage.height);
        for damage in &self.damages {
            println!("Damaged: {damage}");
        }
        println!(
            "Verified {}, {:.1} MB, in {seconds:.1} s, at level {level}",
            counted(self.blocks, "block"),
            self.bytes as f64 / 1e6
        );
        if level >= 3 {
            let why = match self.held_all {
                true => "",
                false => ", as many as memory allows",
            };
            println!(
                "Read {}, and held them against the last {}{why}",
                counted(self.coins, "coin"),
                counted(self.held, "block")
            );
        }
        if self.in_all == 0 {
            println!("All is well");
            return Ok(());
        }
        let repair = if self.blocks_damaged {
            "reindex"
        } else {
            "reindex-chainstate"
        };
        bail!(
            "{} found: `tipward {repair}` repairs it",
            counted(self.in_all, "damage")
        )
    }
}

/// Levels 0 to 2; says how long it took.
fn blocks_alone(
    verifier: &Verifier<'_>,
    chain: &[HeaderId],
    files: &Files<'_>,
    place: &Workplace,
    found: &mut Found,
) -> anyhow::Result<f64> {
    let total: u64 = chain.iter().map(|id| files.size_of(*id)).sum();
    let mut meter = Meter::begin(&place.display, "verifying");
    let next = AtomicUsize::new(0);
    let (sender, results) = sync_channel(WAITING);
    std::thread::scope(|threads| {
        for number in 0..place.config.sync.threads.get() {
            let (next, sender) = (&next, sender.clone());
            std::thread::Builder::new()
                .name(format!("verify-{number}"))
                .spawn_scoped(threads, move || {
                    while let Some(id) = chain.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if sender.send((*id, verifier.block(*id))).is_err() {
                            return;
                        }
                    }
                })?;
        }
        drop(sender);
        for (id, verified) in results {
            if place.stop.is_set() {
                return interrupted(found, chain.len());
            }
            found.blocks += 1;
            found.bytes += files.size_of(id);
            if let Err(damage) = verified {
                found.note(damage);
            }
            let (done, damaged) = (found.blocks, found.in_all);
            meter.show(found.bytes, total, || {
                format!("{done} blocks, {damaged} damaged, ")
            });
        }
        Ok(meter.elapsed().as_secs_f64())
    })
}

fn interrupted<T>(found: &Found, blocks: usize) -> anyhow::Result<T> {
    bail!(
        "interrupted after {} of {blocks} blocks, {} found so far",
        found.blocks,
        counted(found.in_all, "damage")
    )
}

/// Levels 3 and 4.
fn coins(
    verifier: &Verifier<'_>,
    chain: &[HeaderId],
    db: &CoinsDb,
    files: &Files<'_>,
    place: &Workplace,
    found: &mut Found,
) -> anyhow::Result<()> {
    let view = verifier.view;
    let of_coins = |what: String| Damage {
        height: view.tip_height(),
        part: Part::Coins,
        what,
    };
    let snapshot = db.snapshot();
    let (so_far, stop) = (AtomicU64::new(0), place.stop.as_atomic());
    let threads = place.config.sync.threads.get();
    match snapshot.info(false, threads, &so_far, stop) {
        Ok(Some(info)) => found.coins = info.coins,
        Ok(None) => return interrupted(found, chain.len()),
        Err(error) => {
            // What is held against coins that cannot be read says nothing.
            found.note(of_coins(error.to_string()));
            return Ok(());
        }
    }
    let set = SnapshotSet::of(snapshot, db, view.params().genesis_hash)?;
    let mut check = CoinCheck::new(verifier, &set);
    let mut held = 0;
    for id in chain {
        if place.stop.is_set() {
            return interrupted(found, chain.len());
        }
        if check.changes() > MAX_CHANGES {
            found.held_all = false;
            break;
        }
        if let Err(damage) = check.back(*id) {
            // A damaged block was found before. Either way nothing can be said about the coins before it.
            if damage.part == Part::Coins {
                found.note(damage);
            }
            return Ok(());
        }
        held += 1;
        found.held = held as u64;
    }
    if verifier.level >= 4 {
        connect_again(&mut check, &chain[..held], files, place, found)?;
    }
    Ok(())
}

/// Level 4.
fn connect_again(
    check: &mut CoinCheck<'_>,
    chain: &[HeaderId],
    files: &Files<'_>,
    place: &Workplace,
    found: &mut Found,
) -> anyhow::Result<()> {
    let total = chain.iter().map(|id| files.size_of(*id)).sum();
    let mut meter = Meter::begin(&place.display, "connecting");
    let mut done = 0;
    for id in chain.iter().rev() {
        if place.stop.is_set() {
            return interrupted(found, chain.len());
        }
        if let Err(damage) = check.forward(*id) {
            found.note(damage);
            return Ok(());
        }
        done += files.size_of(*id);
        meter.show(done, total, String::new);
    }
    Ok(())
}
