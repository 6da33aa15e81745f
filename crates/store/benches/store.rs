//! Appending, reading and opening.

#![allow(clippy::unwrap_used, reason = "a bench that cannot unwrap has failed")]

use std::hint::black_box;
use std::path::Path;

use bitcoin::hashes::Hash as _;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_primitives::{BlockHash, Header, Network, Params, RawBlock};
use tipward_store::{BlockStore, NewBlock};

fn params() -> Params {
    Params::new(Network::Regtest)
}

/// Blocks of `size` bytes: a header, and zeros that nobody looks at here.
fn blocks(count: u32, size: usize) -> (Vec<Header>, Vec<NewBlock>) {
    let mut header = params().genesis.header;
    (0..count)
        .map(|i| {
            header.prev_blockhash = header.block_hash();
            header.time = i;
            let mut bytes = bitcoin::consensus::serialize(&header);
            bytes.resize(size, 0);
            let block = NewBlock {
                hash: header.block_hash(),
                height: i + 1,
                block: RawBlock::new(bytes.into()).unwrap(),
                transactions: 1,
            };
            (header, block)
        })
        .unzip()
}

fn open(dir: &Path) -> BlockStore {
    BlockStore::open(dir, &params()).unwrap().0
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    group.sample_size(10);
    for (name, count, size, batch) in [
        ("128 blocks of 1.5 MB, one by one", 128, 1_500_000, 1),
        ("128 blocks of 1.5 MB, by tens", 128, 1_500_000, 10),
        ("20000 blocks of 300 B, one by one", 20_000, 300, 1),
        ("20000 blocks of 300 B, by 256", 20_000, 300, 256),
    ] {
        let (_, blocks) = blocks(count, size);
        group.throughput(Throughput::Bytes(u64::from(count) * size as u64));
        for synced in [false, true] {
            let name = format!("{name}{}", if synced { ", synced" } else { "" });
            group.bench_function(name, |b| {
                b.iter_batched(
                    || {
                        let dir = tempfile::tempdir().unwrap();
                        let store = open(dir.path());
                        (dir, store)
                    },
                    |(dir, mut store)| {
                        for batch in blocks.chunks(batch) {
                            store.append_blocks(batch).unwrap();
                        }
                        if synced {
                            store.sync().unwrap();
                        }
                        (dir, store)
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

fn undo(c: &mut Criterion) {
    let mut group = c.benchmark_group("append undo data");
    group.sample_size(10);
    for (name, count, size) in [("200 of 250 kB", 200, 250_000), ("20000 of 1 B", 20_000, 1)] {
        let (headers, blocks) = blocks(count, 85);
        let bytes = vec![7; size];
        group.throughput(Throughput::Bytes(u64::from(count) * size as u64));
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    let dir = tempfile::tempdir().unwrap();
                    let (store, undo, _) = BlockStore::open(dir.path(), &params()).unwrap();
                    (dir, store, undo)
                },
                |(dir, store, mut undo)| {
                    for (header, block) in headers.iter().zip(&blocks) {
                        undo.append(&block.hash, &header.prev_blockhash, block.height, &bytes)
                            .unwrap();
                    }
                    (dir, store, undo)
                },
                BatchSize::PerIteration,
            );
        });
    }
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read a random block from the page cache");
    for (name, count, size) in [("1.5 MB", 200, 1_500_000), ("300 B", 100_000, 300)] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let (_, blocks) = blocks(count, size);
        store.append_blocks(&blocks).unwrap();
        let reader = store.reader();
        let mut at = 0_usize;
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                at = (at + 7919) % blocks.len();
                black_box(reader.read(&blocks[at].hash).unwrap().unwrap())
            });
        });
    }
    group.finish();

    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.append_blocks(&blocks(100_000, 85).1).unwrap();
    let reader = store.reader();
    let unknown = BlockHash::all_zeros();
    c.bench_function("look for a block that is not stored", |b| {
        b.iter(|| black_box(reader.read(black_box(&unknown)).unwrap()));
    });
}

fn open_a_million(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut undo, _) = BlockStore::open(dir.path(), &params()).unwrap();
    let (headers, blocks) = blocks(1_000_000, 85);
    store.append_headers(&headers).unwrap();
    store.append_blocks(&blocks).unwrap();
    store.sync().unwrap();
    for (header, block) in headers.iter().zip(&blocks) {
        undo.append(&block.hash, &header.prev_blockhash, block.height, &[0])
            .unwrap();
    }
    undo.sync().unwrap();
    drop((store, undo, headers, blocks));

    let mut group = c.benchmark_group("open with a million headers, blocks and undo data");
    group.sample_size(10);
    group.bench_function("open", |b| b.iter(|| open(dir.path())));
    group.bench_function("open and read all headers and blocks", |b| {
        b.iter(|| {
            let (store, _, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
            assert_eq!(loaded.headers.map(Result::unwrap).count(), 1_000_000);
            assert_eq!(loaded.blocks.map(Result::unwrap).count(), 1_000_001);
            store
        });
    });
    group.bench_function("open and rebuild the header log", |b| {
        b.iter(|| {
            let log = dir.path().join("headers.log");
            let file = std::fs::File::options().write(true).open(log).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[1], 500).unwrap();
            let (store, _, loaded) = BlockStore::open(dir.path(), &params()).unwrap();
            assert_eq!(loaded.headers.count(), 1_000_000);
            store
        });
    });
}

criterion_group!(benches, append, undo, read, open_a_million);
criterion_main!(benches);
