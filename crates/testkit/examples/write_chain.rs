//! Writes a generated regtest chain into a block file: `write_chain FILE BLOCKS TRANSACTIONS WEIGHT [witness]`, or, with
//! blocks full of transactions of every kind of script, `write_chain FILE BLOCKS mixed WEIGHT`.

#![allow(clippy::expect_used)]

use std::path::Path;

use tipward_testkit::generate::{ChainGenerator, ChainOptions, Padding, write_block_file};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, blocks, transactions, weight, rest @ ..] = &arguments[..] else {
        eprintln!("usage: write_chain FILE BLOCKS TRANSACTIONS|mixed WEIGHT [witness]");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<u32>().expect("a number");
    let options = if transactions == "mixed" {
        ChainOptions::mixed(0, number(blocks), number(weight) as usize)
    } else {
        ChainOptions {
            blocks: number(blocks),
            transactions: number(transactions)..=number(transactions),
            coinbase_outputs: 1 + number(transactions) / 10,
            weight: number(weight) as usize,
            padding: match rest {
                [] => Padding::Output,
                _ => Padding::Witness,
            },
            ..ChainOptions::default()
        }
    };
    let generator = ChainGenerator::new(options);
    let magic = generator.params().magic;
    write_block_file(Path::new(file), magic, generator).expect("the file can be written");
}
