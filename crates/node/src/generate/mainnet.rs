//! `tipward generate --shape mainnet`: a chain to measure with, and a note beside it of what it holds.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use tipward_primitives::{BlockHash, Height};
use tipward_testkit::mainnet::{BURYING, FULL, MAX_COINS, MainnetChain, MainnetOptions, Totals};

use super::{GenerateArgs, now, write_block};

/// Different keys of a chain with many coins. Processors' caches are to see no difference to a real chain.
const KEYS: usize = 2_000;

/// What is known of a generated chain, in the JSON file beside it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct ChainNote {
    /// Height of the last block.
    pub(crate) height: Height,
    /// Its hash.
    pub(crate) tip: BlockHash,
    /// Heights of the first and the last full block, the part to measure.
    pub(crate) full: (Height, Height),
    /// Hash of the last full block, up to which scripts can be assumed valid.
    pub(crate) assume_valid: BlockHash,
    /// Bytes of the file.
    pub(crate) file_bytes: u64,
    /// Unspent coins before the first full block.
    pub(crate) coins_before: u64,
    /// Unspent coins in the end.
    pub(crate) coins_after: u64,
    /// In the full blocks, coinbases not counted.
    pub(crate) transactions: u64,
    /// Of those transactions.
    pub(crate) inputs: u64,
    /// Of those transactions, unspendable ones not counted.
    pub(crate) outputs: u64,
    /// Bytes of the full blocks.
    pub(crate) bytes: u64,
    /// ECDSA signatures that are verified in the full blocks.
    pub(crate) ecdsa: u64,
    /// Schnorr signatures in the full blocks.
    pub(crate) schnorr: u64,
    /// Taproot commitments in the full blocks.
    pub(crate) commitments: u64,
    /// What gives the same file again.
    pub(crate) command: String,
}

impl ChainNote {
    /// Where the note of a block file is.
    pub(crate) fn path(chain: &Path) -> PathBuf {
        let mut name = chain.as_os_str().to_owned();
        name.push(".json");
        name.into()
    }

    /// The note beside a block file.
    pub(crate) fn read(chain: &Path) -> anyhow::Result<Self> {
        let path = Self::path(chain);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "cannot read {}, which `tipward generate --shape mainnet` writes",
                path.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is no such note", path.display()))
    }

    fn write(&self, chain: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let path = Self::path(chain);
        std::fs::write(&path, text + "\n")
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Writes the chain and its note.
pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    ensure!(
        args.coins <= MAX_COINS,
        "--coins must be at most {MAX_COINS}, not {}",
        args.coins
    );
    ensure!(args.blocks > 0, "--blocks must be at least 1");
    let mut options = MainnetOptions {
        seed: args.seed,
        blocks: args.blocks,
        coins: args.coins,
        tail: args.tail.unwrap_or(BURYING),
        // More keys than coins were of no use.
        keys: usize::try_from(args.coins / 20).map_or(KEYS, |keys| keys.clamp(100, KEYS)),
        weight: if args.weight == 0 { FULL } else { args.weight },
        // A node must not find the last block in its future, so a minute before now will do.
        end_time: args.end_time.unwrap_or_else(|| now().saturating_sub(60)),
        ..MainnetOptions::default()
    };
    if let Some(threads) = args.threads {
        options.threads = threads;
    }
    let command = format!(
        "tipward generate --shape mainnet --blocks {} --coins {} --tail {} --weight {} --seed {} --end-time {} --out FILE",
        options.blocks, options.coins, options.tail, options.weight, options.seed, options.end_time
    );
    let note = write(MainnetChain::new(options), &args.out, command)?;
    note.write(&args.out)?;
    println!(
        "{} blocks, {} bytes, tip {} at height {}",
        note.height, note.file_bytes, note.tip, note.height
    );
    println!(
        "full blocks {} to {}: {} transactions, {} inputs, {} outputs, {} bytes",
        note.full.0, note.full.1, note.transactions, note.inputs, note.outputs, note.bytes
    );
    println!(
        "{} coins before them, {} after",
        note.coins_before, note.coins_after
    );
    println!("--assumevalid {}", note.assume_valid);
    Ok(())
}

fn write(mut chain: MainnetChain, path: &Path, command: String) -> anyhow::Result<ChainNote> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let options = chain.options().clone();
    let full = (options.first_full(), options.last_full());
    let mut file_bytes = 0;
    let mut coins_before = 0;
    let mut told = Instant::now();
    while let Some(block) = chain.next() {
        file_bytes += write_block(&mut out, &block, chain.params())?;
        if chain.height() + 1 == full.0 {
            coins_before = chain.coins();
        }
        if told.elapsed().as_secs() >= 10 {
            told = Instant::now();
            println!("height {} of {}", chain.height(), options.tip());
        }
    }
    out.flush()?;
    let Totals {
        transactions,
        inputs,
        outputs,
        bytes,
        ecdsa,
        schnorr,
        commitments,
    } = *chain.totals();
    Ok(ChainNote {
        height: chain.height(),
        tip: chain.tip_hash(),
        full,
        assume_valid: chain.last_full(),
        file_bytes,
        coins_before,
        coins_after: chain.coins(),
        transactions,
        inputs,
        outputs,
        bytes,
        ecdsa,
        schnorr,
        commitments,
        command,
    })
}
