//! What it costs to prepare a transaction and to check an input, on a real block.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

#[path = "../tests/testnet/blocks.rs"]
mod blocks;

use blocks::{HEIGHTS, TestBlock, prepare};

fn verify(c: &mut Criterion) {
    let Some(block) = TestBlock::read(HEIGHTS[0]) else {
        return;
    };
    let mut group = c.benchmark_group("testnet3 block of 8,692 inputs");
    group.sample_size(10);
    let inputs = block.spent.iter().map(|spent| spent.len() as u64).sum();
    group.throughput(Throughput::Elements(inputs));
    group.bench_function("prepare its transactions", |b| {
        b.iter(|| {
            block
                .spending()
                .map(|(raw, spent)| prepare(raw, spent))
                .collect::<Vec<_>>()
        });
    });
    group.bench_function("check its inputs", |b| {
        b.iter_batched_ref(
            || {
                block
                    .spending()
                    .map(|(raw, spent)| prepare(raw, spent))
                    .collect::<Vec<_>>()
            },
            |prepared| {
                for tx in prepared {
                    for input in 0..tx.input_count() {
                        tx.verify_input(input, block.flags).expect("a valid block");
                    }
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("as a worker does it, a transaction at a time", |b| {
        b.iter(|| {
            for (raw, spent) in block.spending() {
                let tx = prepare(raw, spent);
                for input in 0..tx.input_count() {
                    tx.verify_input(input, block.flags).expect("a valid block");
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
