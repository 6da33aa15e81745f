//! The examples, run to their end on a generated chain that a peer serves.

#[path = "../../examples/count_types.rs"]
#[allow(dead_code, reason = "its main function")]
mod count_types;
#[path = "../../examples/follow_tip.rs"]
#[allow(dead_code, reason = "its main function")]
mod follow_tip;
#[path = "../../examples/scan_script.rs"]
#[allow(dead_code, reason = "its main function")]
mod scan_script;

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use tempfile::TempDir;
use tipward::Cursor;
use tipward::bitcoin::consensus::deserialize;
use tipward::bitcoin::{Amount, Block, OutPoint, ScriptBuf};
use tipward::serve::{Behaviour, ServeArgs, Server};
use tipward_testkit::generate::{ChainGenerator, ChainOptions, write_block_file};

const HEIGHT: u32 = 150;

/// A peer with a chain whose tip is as old as tips usually are.
struct Lab {
    dir: TempDir,
    blocks: Vec<Block>,
    server: Server,
}

impl Lab {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut generator = ChainGenerator::new(ChainOptions {
            blocks: HEIGHT,
            first_time: now.as_secs() as u32 - (HEIGHT + 2) * 600,
            ..ChainOptions::default()
        });
        let raw: Vec<_> = generator.by_ref().collect();
        let blocks = raw
            .iter()
            .map(|block| deserialize(block.bytes()).unwrap())
            .collect();
        let file = dir.path().join("chain.dat");
        write_block_file(&file, generator.params().magic, raw).unwrap();
        let args = ServeArgs {
            blocks: vec![file],
            bind: "127.0.0.1:0".parse().unwrap(),
            follow: false,
            behaviour: Behaviour::default(),
        };
        let server = Server::start(&args, generator.params()).await.unwrap();
        Self {
            dir,
            blocks,
            server,
        }
    }

    /// The options that every example has, and more.
    fn args(&self, more: &[&str]) -> Vec<String> {
        let datadir = self.dir.path().join("node");
        let mut args = vec!["example".to_owned()];
        args.extend(["--network", "regtest", "--datadir"].map(str::to_owned));
        args.push(datadir.to_str().unwrap().to_owned());
        args.extend(["--connect".to_owned(), self.server.addr().to_string()]);
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }
}

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_that_follows_the_tip_goes_on_where_it_stopped() {
    let lab = Lab::start().await;
    let cursor = lab.dir.path().join("cursor");
    // With the first block to come, whatever the node has by then.
    let genesis = Cursor {
        height: 0,
        hash: lab.blocks[0].header.prev_blockhash,
    };
    genesis.save(&cursor).unwrap();
    let with_cursor = ["--cursor", cursor.to_str().unwrap()];
    for (until, expected) in [(Some("100"), 1..=100), (None, 101..=HEIGHT)] {
        let mut more = with_cursor.to_vec();
        more.extend(until.iter().flat_map(|height| ["--until", height]));
        let args = follow_tip::Args::parse_from(lab.args(&more));
        let mut out = Vec::new();
        follow_tip::run(args, &mut out).await.unwrap();
        let expected: String = expected
            .map(|height| {
                let block = &lab.blocks[height as usize - 1];
                let count = block.txdata.len();
                format!("+ {height} {} {count}\n", block.block_hash())
            })
            .collect();
        assert_eq!(text(out), expected);
    }
    assert_eq!(Cursor::load(&cursor).unwrap().unwrap().height, HEIGHT);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_that_scans_finds_every_output_of_a_script() {
    let lab = Lab::start().await;
    let spent: HashSet<OutPoint> = lab
        .blocks
        .iter()
        .flat_map(|block| &block.txdata)
        .flat_map(|transaction| &transaction.input)
        .map(|input| input.previous_output)
        .collect();
    // The script of a coin that was spent.
    let outputs = || {
        lab.blocks
            .iter()
            .flat_map(|block| &block.txdata)
            .flat_map(|tx| {
                let txid = tx.compute_txid();
                let numbered = tx.output.iter().enumerate();
                numbered.map(move |(vout, output)| (OutPoint::new(txid, vout as u32), output))
            })
    };
    let script: ScriptBuf = outputs()
        .find(|(outpoint, _)| spent.contains(outpoint))
        .map(|(_, output)| output.script_pubkey.clone())
        .unwrap();
    let paid: Vec<_> = outputs()
        .filter(|(_, output)| output.script_pubkey == script)
        .collect();
    let unspent: Amount = paid
        .iter()
        .filter(|(outpoint, _)| !spent.contains(outpoint))
        .map(|(_, output)| output.value)
        .sum();
    let hex = script.to_hex_string();
    let args = scan_script::Args::parse_from(lab.args(&["--script", &hex]));
    let mut out = Vec::new();
    scan_script::run(args, &mut out).await.unwrap();
    let out = text(out);
    let last = format!("{} outputs, {unspent} unspent", paid.len());
    assert_eq!(out.lines().last().unwrap(), last);
    assert!(out.contains(", spent at "), "{out}");
    assert_eq!(out.lines().count(), paid.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_that_counts_counts_every_transaction() {
    let lab = Lab::start().await;
    let args = count_types::Args::parse_from(lab.args(&[]));
    let mut out = Vec::new();
    count_types::run(args, &mut out).await.unwrap();
    let out = text(out);
    // The genesis block is one more.
    assert!(out.contains(&format!("{} blocks\n", HEIGHT + 1)), "{out}");
    assert!(
        out.contains(&format!("{} transactions coinbase\n", HEIGHT + 1)),
        "{out}"
    );
    let count = |name: &str| -> usize {
        let lines = out.lines().filter(|line| line.contains(name));
        let numbers = lines.map(|line| line.split(' ').next().unwrap().parse::<usize>());
        numbers.map(Result::unwrap).sum()
    };
    let transactions = lab.blocks.iter().flat_map(|block| &block.txdata);
    let outputs = transactions.clone().map(|tx| tx.output.len());
    assert_eq!(count(" transactions "), transactions.count() + 1);
    assert_eq!(count(" outputs "), outputs.sum::<usize>() + 1);
}
