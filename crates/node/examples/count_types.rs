//! Counts transactions by type (coinbase, with witnesses, without) and outputs by the kind of their script.
//!
//! ```text
//! cargo run --release --example count_types -- --datadir ~/count
//! ```

mod common;

use std::collections::BTreeMap;
use std::io::Write;

use clap::Parser;
use common::NodeArgs;
use tipward::bitcoin::consensus::deserialize;
use tipward::bitcoin::{Block, Script, Transaction};
use tipward::{BlockEvent, RawBlock, StartAt};

#[derive(Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

fn type_of(transaction: &Transaction) -> &'static str {
    if transaction.is_coinbase() {
        "coinbase"
    } else if transaction
        .input
        .iter()
        .any(|input| !input.witness.is_empty())
    {
        "with witnesses"
    } else {
        "without witnesses"
    }
}

fn kind_of(script: &Script) -> &'static str {
    match script {
        script if script.is_p2pk() => "pubkey",
        script if script.is_p2pkh() => "pubkeyhash",
        script if script.is_p2sh() => "scripthash",
        script if script.is_p2wpkh() => "witness_v0_keyhash",
        script if script.is_p2wsh() => "witness_v0_scripthash",
        script if script.is_p2tr() => "witness_v1_taproot",
        script if script.is_op_return() => "nulldata",
        _ => "other",
    }
}

#[derive(Default)]
struct Counts {
    blocks: i64,
    transactions: BTreeMap<&'static str, i64>,
    outputs: BTreeMap<&'static str, i64>,
}

impl Counts {
    /// Adds a block, or takes it off again.
    fn add(&mut self, block: &RawBlock, sign: i64) -> anyhow::Result<()> {
        let block: Block = deserialize(block.bytes())?;
        self.blocks += sign;
        for transaction in &block.txdata {
            *self.transactions.entry(type_of(transaction)).or_default() += sign;
            for output in &transaction.output {
                *self
                    .outputs
                    .entry(kind_of(&output.script_pubkey))
                    .or_default() += sign;
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Args::parse(), &mut std::io::stdout()).await
}

pub(crate) async fn run(args: Args, out: &mut impl Write) -> anyhow::Result<()> {
    let node = args.node.start().await?;
    let mut counts = Counts::default();
    let mut blocks = node.handle().subscribe(StartAt::Height(0));
    while let Some(event) = blocks.next().await? {
        match event {
            BlockEvent::Connected { height, block, .. } => {
                counts.add(&block, 1)?;
                if args.node.is_last(height, node.handle()) {
                    break;
                }
            }
            BlockEvent::Disconnected { block, .. } => {
                // A block that was just connected is stored; only an old one of a pruned node might not be.
                if let Some(block) = block {
                    counts.add(&block, -1)?;
                }
            }
        }
    }
    writeln!(out, "{} blocks", counts.blocks)?;
    for (name, of) in [
        ("transactions", &counts.transactions),
        ("outputs", &counts.outputs),
    ] {
        for (kind, count) in of {
            writeln!(out, "{count} {name} {kind}")?;
        }
    }
    node.stop().await
}
