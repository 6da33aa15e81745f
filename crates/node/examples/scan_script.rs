//! Scans all blocks for one script: what it was ever paid, and what of that was spent.
//!
//! ```text
//! cargo run --release --example scan_script -- --datadir ~/scan --script 0014751e76e8199196d454941c45d1b3a323f1433bd6
//! ```

mod common;

use std::collections::BTreeMap;
use std::io::Write;

use clap::Parser;
use common::NodeArgs;
use tipward::bitcoin::consensus::deserialize;
use tipward::bitcoin::{Amount, Block, OutPoint, ScriptBuf};
use tipward::{BlockEvent, StartAt};

#[derive(Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,

    /// The script (an output's scriptPubKey) in hex
    #[arg(long, value_name = "HEX", value_parser = ScriptBuf::from_hex)]
    script: ScriptBuf,

    /// Height to begin at
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    from: u32,
}

/// An output that pays to the script.
struct Coin {
    height: u32,
    value: Amount,
    spent: Option<u32>,
}

#[derive(Default)]
struct Wallet(BTreeMap<OutPoint, Coin>);

impl Wallet {
    fn connect(&mut self, script: &ScriptBuf, height: u32, block: &Block) {
        for transaction in &block.txdata {
            for input in &transaction.input {
                if let Some(coin) = self.0.get_mut(&input.previous_output) {
                    coin.spent = Some(height);
                }
            }
            let ours =
                |(_, output): &(usize, &tipward::bitcoin::TxOut)| output.script_pubkey == *script;
            let paid: Vec<_> = transaction.output.iter().enumerate().filter(ours).collect();
            if paid.is_empty() {
                continue;
            }
            let txid = transaction.compute_txid();
            for (vout, output) in paid {
                let coin = Coin {
                    height,
                    value: output.value,
                    spent: None,
                };
                self.0.insert(OutPoint::new(txid, vout as u32), coin);
            }
        }
    }

    fn disconnect(&mut self, height: u32) {
        self.0.retain(|_, coin| coin.height != height);
        for coin in self.0.values_mut() {
            coin.spent = coin.spent.filter(|at| *at != height);
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Args::parse(), &mut std::io::stdout()).await
}

pub(crate) async fn run(args: Args, out: &mut impl Write) -> anyhow::Result<()> {
    let node = args.node.start().await?;
    let mut wallet = Wallet::default();
    let mut blocks = node.handle().subscribe(StartAt::Height(args.from));
    while let Some(event) = blocks.next().await? {
        match event {
            BlockEvent::Connected { height, block, .. } => {
                wallet.connect(&args.script, height, &deserialize(block.bytes())?);
                if args.node.is_last(height, node.handle()) {
                    break;
                }
            }
            BlockEvent::Disconnected { height, .. } => wallet.disconnect(height),
        }
    }
    for (outpoint, coin) in &wallet.0 {
        let end = match coin.spent {
            Some(height) => format!("spent at {height}"),
            None => "unspent".to_owned(),
        };
        writeln!(out, "{outpoint} {} at {}, {end}", coin.value, coin.height)?;
    }
    let unspent = wallet.0.values().filter(|coin| coin.spent.is_none());
    let balance: Amount = unspent.map(|coin| coin.value).sum();
    writeln!(out, "{} outputs, {balance} unspent", wallet.0.len())?;
    node.stop().await
}
