//! What a block shaped like the main network's costs between its bytes and the coin set, scripts excepted.

use std::cell::RefCell;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_coins::{CoinCache, CoinsDb};
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::RawBlock;
use tipward_testkit::mainnet::{MainnetChain, MainnetOptions};
use tipward_validation::steps::Steps;

/// Coins before the block: more than a processor's caches hold.
const COINS: u64 = 200_000;

fn connect(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let db = CoinsDb::open(dir.path()).expect("an empty store");
    let mut coins = CoinCache::new(db, 1 << 30);
    let options = MainnetOptions {
        blocks: 1,
        coins: COINS,
        tail: 0,
        ..MainnetOptions::default()
    };
    let mut chain = MainnetChain::new(options.clone());
    let mut full: Option<(RawBlock, BlockContext)> = None;
    while let Some(raw) = chain.next() {
        let header = raw.header();
        let context = BlockContext::new(chain.params(), header, chain.height(), header.time - 1);
        if chain.height() == options.first_full() {
            full = Some((raw, context));
            continue;
        }
        let checked = check_block(&context, raw).expect("a valid block");
        let steps = Steps::prepare(checked, context, &coins);
        steps.judge(&coins).expect("a valid block");
        steps.connect(&mut coins);
    }
    let (raw, context) = full.expect("there is a full block");
    let totals = *chain.totals();
    eprintln!("{totals:?}");

    let mut group = c.benchmark_group("a full block");
    group.throughput(Throughput::Elements(totals.inputs));
    group.bench_function("check it", |b| {
        b.iter(|| check_block(&context, raw.clone()).expect("a valid block"));
    });
    let checked = || check_block(&context, raw.clone()).expect("a valid block");
    group.bench_function("prepare it", |b| {
        b.iter_batched(
            checked,
            |checked| Steps::prepare(checked, context.clone(), &coins),
            BatchSize::PerIteration,
        );
    });
    let steps = Steps::prepare(checked(), context.clone(), &coins);
    group.bench_function("find its coins, and the rules that need them", |b| {
        b.iter(|| steps.judge(&coins).expect("a valid block"));
    });
    let spent = steps.judge(&coins).expect("a valid block");
    group.bench_function("undo data", |b| b.iter(|| steps.undo(&spent)));
    let coins = RefCell::new(coins);
    steps.connect(&mut coins.borrow_mut());
    group.bench_function("change the coins", |b| {
        b.iter_batched(
            || steps.disconnect(&spent, &mut coins.borrow_mut()),
            |()| steps.connect(&mut coins.borrow_mut()),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, connect);
criterion_main!(benches);
