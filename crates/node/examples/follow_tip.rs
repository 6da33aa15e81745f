//! Follows the tip: a line for each block that joins the active chain, and for each that leaves it. With --cursor it goes
//! on where it stopped, whatever happened to the chain meanwhile.
//!
//! ```text
//! cargo run --release --example follow_tip -- --datadir ~/follow --cursor ~/follow/cursor
//! ```

mod common;

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use common::NodeArgs;
use tipward::bitcoin::Block;
use tipward::bitcoin::consensus::deserialize;
use tipward::{BlockEvent, Cursor, StartAt};

#[derive(Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,

    /// File that keeps how far this has come; without it, it begins with the next block
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Args::parse(), &mut std::io::stdout()).await
}

pub(crate) async fn run(args: Args, out: &mut impl Write) -> anyhow::Result<()> {
    let node = args.node.start().await?;
    let kept = match &args.cursor {
        Some(file) => Cursor::load(file)?,
        None => None,
    };
    let start = kept.map_or(StartAt::Tip, StartAt::After);
    let mut blocks = node.handle().subscribe(start);
    while let Some(event) = blocks.next().await? {
        let last = match &event {
            BlockEvent::Connected {
                height,
                hash,
                block,
            } => {
                let block: Block = deserialize(block.bytes())?;
                writeln!(out, "+ {height} {hash} {}", block.txdata.len())?;
                args.node.is_last(*height, node.handle())
            }
            BlockEvent::Disconnected { height, hash, .. } => {
                writeln!(out, "- {height} {hash}")?;
                false
            }
        };
        if let Some(file) = &args.cursor {
            event.cursor().save(file)?;
        }
        if last {
            break;
        }
    }
    node.stop().await
}
