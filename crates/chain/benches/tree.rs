//! What the header tree costs at the size of mainnet: loading, accepting, snapshots, looking up.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::TxMerkleNode;
use bitcoin::hashes::Hash as _;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_chain::{Chain, HeaderId};
use tipward_primitives::{BlockVersion, Header, Network, Params, Timestamp};

const MILLION: usize = 1_000_000;

fn params() -> Arc<Params> {
    Arc::new(Params::new(Network::Regtest))
}

/// A chain of headers on regtest's genesis block, with proof of work or without.
fn headers(count: usize, mined: bool) -> Vec<Header> {
    let mut last = params().genesis.header;
    (0..count as u64)
        .map(|salt| {
            let mut root = [0; 32];
            root[..8].copy_from_slice(&salt.to_le_bytes());
            let mut header = Header {
                version: BlockVersion::from_consensus(4),
                prev_blockhash: last.block_hash(),
                merkle_root: TxMerkleNode::from_byte_array(root),
                time: last.time + 60,
                nonce: 0,
                ..last
            };
            while mined && !header.target().is_met_by(header.block_hash()) {
                header.nonce += 1;
            }
            last = header;
            header
        })
        .collect()
}

fn load(headers: &[Header]) -> Chain {
    let mut chain = Chain::new(params());
    chain.reserve(headers.len());
    for header in headers {
        chain.insert_stored(header).unwrap();
    }
    chain
}

fn million(c: &mut Criterion) {
    let headers = headers(MILLION, false);
    let mut group = c.benchmark_group("a million headers");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));

    group.throughput(Throughput::Elements(MILLION as u64));
    group.bench_function("load", |b| b.iter_with_large_drop(|| load(&headers)));
    group.bench_function("mark stored, in order", |b| {
        b.iter_batched_ref(
            || load(&headers),
            |chain| {
                for header in &headers {
                    chain.mark_stored(&header.block_hash(), 1);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("mark stored, last to first", |b| {
        b.iter_batched_ref(
            || load(&headers),
            |chain| {
                for header in headers.iter().rev() {
                    chain.mark_stored(&header.block_hash(), 1);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let mut group = c.benchmark_group("at a million headers");
    let mut chain = load(&headers[..MILLION - 1000]);
    group.bench_function("snapshot", |b| b.iter(|| chain.view()));
    let mut next = headers[..MILLION - 1000].iter().cycle();
    group.bench_function("store a block and take a snapshot", |b| {
        b.iter(|| {
            let hash = next.next().unwrap().block_hash();
            chain.mark_stored(&hash, 1);
            chain.view()
        });
    });
    let mut salt = 0_u64;
    group.bench_function("add a header and take a snapshot", |b| {
        let parent = chain.header(chain.best_header());
        let mut last = chain.view();
        b.iter(|| {
            let mut root = [1; 32];
            salt += 1;
            root[..8].copy_from_slice(&salt.to_le_bytes());
            let header = Header {
                merkle_root: TxMerkleNode::from_byte_array(root),
                ..parent
            };
            chain.insert_stored(&header);
            last = chain.view();
        });
        black_box(last);
    });
    let best = chain.best_header();
    group.bench_function("locator", |b| b.iter(|| chain.locator(black_box(best))));
    group.bench_function("ancestor", |b| {
        let mut height = 0;
        b.iter(|| {
            height = (height + 123_457) % (MILLION as u32 - 1000);
            chain.tree().ancestor(black_box(best), height)
        });
    });
    let fresh = load(&headers);
    group.bench_function("the first 1000 missing blocks", |b| {
        b.iter(|| {
            let missing = fresh.missing(fresh.best_header(), 0);
            missing.take(1000).map(|block| block.height).sum::<u32>()
        });
    });
    group.bench_function("find", |b| {
        let mut at = 0;
        b.iter(|| {
            at = (at + 123_457) % MILLION;
            fresh.find(&headers[at].prev_blockhash)
        });
    });
    assert_ne!(best, HeaderId::GENESIS);
    group.finish();
}

fn accept(c: &mut Criterion) {
    const COUNT: usize = 100_000;
    let headers = headers(COUNT, true);
    let now = Timestamp::from_secs(1 << 32);
    let mut group = c.benchmark_group("a hundred thousand headers");
    group.sample_size(10);
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("accept, with every rule", |b| {
        b.iter_batched_ref(
            || Chain::new(params()),
            |chain| {
                for message in headers.chunks(2000) {
                    assert!(chain.accept_headers(message, now).refused.is_none());
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("accept, with a snapshot for each message", |b| {
        b.iter_batched_ref(
            || Chain::new(params()),
            |chain| {
                let mut last = None;
                for message in headers.chunks(2000) {
                    assert!(chain.accept_headers(message, now).refused.is_none());
                    last = Some(chain.view());
                }
                last
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, million, accept);
criterion_main!(benches);
