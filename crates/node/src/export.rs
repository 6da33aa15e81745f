//! `tipward export`: writes blocks of the active chain into one file, in the order of heights.
//!
//! The format is that of Bitcoin Core's `bootstrap.dat`: for each block the network's magic, its size, its bytes. `bitcoind
//! -loadblock=FILE` takes it, and `tipward import`. The same blocks always make the same file.
//!
//! The file appears under its name when it is whole and synced, and not before.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tipward_chain::ChainView;
use tipward_primitives::{BlockHash, Height, RawBlock};
use tipward_store::{BlockReader, StoreError};

use crate::config::Options;
use crate::generate::write_block;
use crate::offline::{StopFlag, Workplace, counted};
use crate::progress::Meter;

/// Blocks that are read ahead of the writing.
const AHEAD: usize = 8;
/// Bytes that go to the file at a time.
const BUFFER: usize = 1 << 20;
/// Bytes before each block: magic and size.
const FRAME_HEAD: u64 = 8;

/// Options of `tipward export`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// File to write; there must be none of that name yet
    #[arg(long, value_name = "FILE")]
    pub blocks: PathBuf,

    /// Height of the first block
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    pub from: Height,

    /// Height of the last block [default: the tip's]
    #[arg(long, value_name = "HEIGHT")]
    pub to: Option<Height>,
}

const EXAMPLES: &str = "\
Examples:
  tipward export --blocks bootstrap.dat                       the whole chain
  tipward export --blocks part.dat --from 800000 --to 809999  a part of it
  bitcoind -loadblock=bootstrap.dat                           what to do with it
  tipward import bootstrap.dat

The node must not be running.";

/// Exports.
pub(crate) fn run(args: &ExportArgs, options: Options) -> anyhow::Result<()> {
    let place = Workplace::prepare(options)?;
    let target = &args.blocks;
    ensure!(
        !target.exists(),
        "{} exists already: name another file, or remove it first",
        target.display()
    );
    let (files, loaded) = place.open(&mut |_| {})?;
    let start = place.load(files, loaded)?;
    let blocks = start.files.store.reader();
    let range = Range::new(&start.chain, &blocks, args)?;
    check_room(target, range.bytes)?;
    let partial = partial(target)?;
    let magic = &place.config.params;
    let mut meter = Meter::begin(&place.display, "exporting");
    let written = std::thread::scope(|threads| {
        let (sender, receiver) = sync_channel(AHEAD);
        let (hashes, blocks) = (&range.hashes, &blocks);
        threads.spawn(move || {
            for (height, hash) in hashes {
                let block = blocks.read(hash).map(|block| (*height, *hash, block));
                if sender.send(block).is_err() {
                    return;
                }
            }
        });
        let write = Write {
            path: &partial,
            blocks: receiver,
            stop: &place.stop,
        };
        write.run(magic, range.bytes, &mut meter)
    });
    let file = match written {
        Ok(file) => file,
        Err(error) => {
            // It is of no use to anybody; the reason matters more than that it stays.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    let context = || format!("cannot write {}", target.display());
    file.sync_all().with_context(context)?;
    fs::rename(&partial, target).with_context(context)?;
    File::open(directory(target))
        .and_then(|dir| dir.sync_all())
        .with_context(context)?;
    let seconds = meter.elapsed().as_secs_f64();
    drop(meter);
    println!(
        "Exported {}, {:.1} MB, in {seconds:.1} s: heights {} to {}, the last one {}",
        counted(range.hashes.len() as u64, "block"),
        range.bytes as f64 / 1e6,
        args.from,
        range.to,
        range.last
    );
    Ok(())
}

/// What is to be written.
struct Range {
    to: Height,
    hashes: Vec<(Height, BlockHash)>,
    last: BlockHash,
    bytes: u64,
}

impl Range {
    fn new(view: &ChainView, blocks: &BlockReader, args: &ExportArgs) -> anyhow::Result<Self> {
        let (from, tip) = (args.from, view.tip_height());
        let to = args.to.unwrap_or(tip);
        ensure!(from <= to, "--from {from} lies behind --to {to}");
        ensure!(
            to <= tip,
            "the validated chain ends at height {tip}, before {to}: let the node sync first, or choose a lower --to"
        );
        let kept = view.pruned_below();
        ensure!(
            from >= kept,
            "blocks below height {kept} were deleted to save space (--prune): export from there, with --from {kept}"
        );
        let mut range = Self {
            to,
            hashes: Vec::with_capacity((to - from) as usize + 1),
            last: view.tip_hash(),
            bytes: 0,
        };
        for height in from..=to {
            let hash = view.hash_at(height).context("the chain has a gap")?;
            let size = blocks
                .size_of(&hash)
                .with_context(|| missing(height, &hash))?;
            range.hashes.push((height, hash));
            range.bytes += FRAME_HEAD + u64::from(size);
            range.last = hash;
        }
        Ok(range)
    }
}

fn missing(height: Height, hash: &BlockHash) -> String {
    format!(
        "block {hash} at height {height} is not in the block files: `tipward verify` says what is wrong and what repairs it"
    )
}

/// Whether the disk has room for it, as far as it says.
fn check_room(target: &Path, bytes: u64) -> anyhow::Result<()> {
    let dir = directory(target);
    let room = rustix::fs::statvfs(dir)
        .map_err(std::io::Error::from)
        .with_context(|| format!("cannot write into {}", dir.display()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    ensure!(
        free == 0 || bytes <= free,
        "{} needs {} MB, and {} MB are free on that disk: make room, choose another place, or export a part with --from and --to",
        target.display(),
        bytes.div_ceil(1_000_000),
        free / 1_000_000
    );
    Ok(())
}

fn directory(file: &Path) -> &Path {
    file.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// What the file is called until it is whole.
fn partial(target: &Path) -> anyhow::Result<PathBuf> {
    let mut name = target
        .file_name()
        .with_context(|| format!("{} is not the name of a file", target.display()))?
        .to_owned();
    name.push(".partial");
    Ok(target.with_file_name(name))
}

type Read = Result<(Height, BlockHash, Option<RawBlock>), StoreError>;

struct Write<'a> {
    path: &'a Path,
    blocks: Receiver<Read>,
    stop: &'a StopFlag,
}

impl Write<'_> {
    fn run(
        self,
        params: &tipward_primitives::Params,
        total: u64,
        meter: &mut Meter,
    ) -> anyhow::Result<File> {
        let context = || format!("cannot write {}", self.path.display());
        let file = File::create(self.path).with_context(context)?;
        let mut out = BufWriter::with_capacity(BUFFER, file);
        let mut done = 0;
        for read in &self.blocks {
            if self.stop.is_set() {
                bail!("interrupted: nothing was exported");
            }
            let (height, hash, block) = read?;
            let block = block.with_context(|| missing(height, &hash))?;
            done += write_block(&mut out, &block, params).with_context(context)?;
            meter.show(done, total, || format!("height {height}, "));
        }
        out.into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .with_context(context)
    }
}
