//! What checking a real block costs, and where: `TIPWARD_TEST_DATA` names the folder of the blocks.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tipward_consensus::{
    BlockContext, ParsedBlock, check_block, check_transaction, legacy_sigops, merkle_root,
};
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{Network, Params, RawBlock};

fn block(name: &str) -> Option<RawBlock> {
    let folder = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    RawBlock::new(std::fs::read(folder.join(name)).ok()?.into()).ok()
}

fn bench(criterion: &mut Criterion) {
    for (name, network, height) in [
        ("mainnet-block-413567", Network::Bitcoin, 413_567),
        ("testnet3-block-928816", Network::Testnet, 928_816),
        ("testnet3-block-928848", Network::Testnet, 928_848),
    ] {
        let Some(raw) = block(&format!("{name}.raw")) else {
            eprintln!("skipped: no {name}");
            continue;
        };
        let header = raw.header();
        let context = BlockContext::new(&Params::new(network), header, height, header.time - 1);
        let parsed = ParsedBlock::parse(raw.clone()).expect("a block of the network");
        let txids: Vec<[u8; 32]> = parsed
            .transactions()
            .map(|tx| tx.txid().to_byte_array())
            .collect();

        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(raw.size() as u64));
        group.bench_function("parse", |b| {
            b.iter(|| ParsedBlock::parse(black_box(raw.clone())));
        });
        group.bench_function("txids", |b| {
            b.iter(|| {
                parsed
                    .transactions()
                    .map(|tx| tx.txid())
                    .collect::<Vec<_>>()
            });
        });
        group.bench_function("merkle root", |b| {
            b.iter(|| merkle_root(black_box(&txids)));
        });
        group.bench_function("sigops", |b| {
            b.iter(|| parsed.transactions().map(legacy_sigops).sum::<usize>());
        });
        group.bench_function("transaction sanity", |b| {
            b.iter(|| parsed.transactions().try_for_each(check_transaction));
        });
        group.bench_function("whole check", |b| {
            b.iter(|| check_block(black_box(&context), raw.clone()));
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
