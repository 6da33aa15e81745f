//! `tipward generate`: writes a regtest chain into a block file.

pub(crate) mod mainnet;
mod spoiled;

use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use tipward_primitives::{Height, Params, RawBlock};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, Padding};

/// Weight units up to which the generator can fill a block.
const MAX_WEIGHT: usize = 3_990_000;
/// Seconds between two generated blocks.
const SPACING: u32 = 600;

/// Options of `tipward generate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward generate --blocks 200 --out chain.dat
  tipward generate --shape mainnet --blocks 300 --coins 1M --out chain.dat
                                         full blocks, to measure with")]
pub struct GenerateArgs {
    /// Block file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// What the blocks are like
    #[arg(long, value_name = "SHAPE", value_enum, default_value_t)]
    pub shape: Shape,

    /// Blocks of the chain, the genesis block not counted; of the shape `mainnet` the full ones alone
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub blocks: Height,

    /// Transactions of a block, at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub transactions: u32,

    /// Outputs of each coinbase: with more of them there are more coins
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub coinbase_outputs: u32,

    /// Weight up to which blocks are filled; 0 leaves them as their transactions make them
    #[arg(long, value_name = "UNITS", default_value_t = 0)]
    pub weight: usize,

    /// The same seed gives the same chain
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Unspent coins before the first full block, such as 20M (shape `mainnet`)
    #[arg(long, value_name = "N", default_value = "1M", value_parser = parse_count)]
    pub coins: u64,

    /// Empty blocks after the full ones; by default enough to assume scripts of the full ones valid (shape `mainnet`)
    #[arg(long, value_name = "N")]
    pub tail: Option<Height>,

    /// Time of the last block, in seconds since 1970; by default now (shape `mainnet`)
    #[arg(long, value_name = "SECONDS")]
    pub end_time: Option<u32>,

    /// Threads that sign; by default one per core (shape `mainnet`)
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Copy this block file's chain instead of making one
    #[arg(long, value_name = "FILE", requires = "spoil")]
    pub copy: Option<PathBuf>,

    /// In the copy, break a signature in the block at this height; the blocks after it build on it
    #[arg(long, value_name = "HEIGHT", requires = "copy")]
    pub spoil: Option<Height>,
}

/// What blocks are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// As the options say.
    #[default]
    Plain,
    /// As those of the main network today: full, and of every usual kind of script.
    Mainnet,
}

/// A number, perhaps of thousands or millions.
fn parse_count(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1_000),
        Some(b'M') => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let number: u64 = digits.parse().map_err(|_| "not a number".to_owned())?;
    number
        .checked_mul(unit)
        .ok_or_else(|| "too large".to_owned())
}

/// Writes the chain.
pub fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    if let (Some(file), Some(height)) = (&args.copy, args.spoil) {
        return spoiled::run(file, height, &args.out);
    }
    ensure!(
        args.weight <= MAX_WEIGHT,
        "--weight must be at most {MAX_WEIGHT}, not {}",
        args.weight
    );
    if args.shape == Shape::Mainnet {
        return mainnet::run(args);
    }
    let mut generator = ChainGenerator::new(ChainOptions {
        seed: args.seed,
        blocks: args.blocks,
        transactions: 0..=args.transactions,
        coinbase_outputs: args.coinbase_outputs,
        weight: args.weight,
        ..ChainOptions::default()
    });
    let bytes = write_chain(&mut generator, args.blocks, &args.out)?;
    println!(
        "{} blocks, {bytes} bytes, tip {} at height {}",
        args.blocks,
        generator.tip_hash(),
        generator.height()
    );
    Ok(())
}

/// The time, in seconds since 1970.
fn now() -> u32 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

/// A chain whose last block is as old as a chain's tip usually is, so that a node that has it knows that it is done.
pub(crate) fn recent_chain(blocks: Height, transactions: u32, weight: usize) -> ChainGenerator {
    let now = now();
    ChainGenerator::new(ChainOptions {
        seed: 1,
        blocks,
        transactions: 0..=transactions,
        weight,
        padding: Padding::Output,
        // The block that is mined past the end must not lie in the future.
        first_time: now.saturating_sub((blocks + 2).saturating_mul(SPACING)),
        ..ChainOptions::default()
    })
}

/// Writes the next `blocks` blocks of a chain; returns how many bytes the file has.
pub(crate) fn write_chain(
    generator: &mut ChainGenerator,
    blocks: Height,
    path: &Path,
) -> anyhow::Result<u64> {
    let file =
        std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut bytes = 0;
    for _ in 0..blocks {
        let block = generator.mine();
        bytes += write_block(&mut out, &block, generator.params())?;
    }
    out.flush()?;
    Ok(bytes)
}

/// Writes one block as block files frame it.
pub(crate) fn write_block(
    out: &mut impl Write,
    block: &RawBlock,
    params: &Params,
) -> std::io::Result<u64> {
    let size = u32::try_from(block.size()).expect("a block has at most 4 MB");
    out.write_all(&params.magic)?;
    out.write_all(&size.to_le_bytes())?;
    out.write_all(block.bytes())?;
    Ok(u64::from(size) + 8)
}
