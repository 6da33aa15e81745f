//! What it costs to put a coin into the set hash, and to take the digest.

use criterion::{Criterion, criterion_group, criterion_main};
use tipward_muhash::MuHash;

fn muhash(c: &mut Criterion) {
    let coin = [7; 83];
    let mut set = MuHash::EMPTY;
    c.bench_function("insert a coin", |b| b.iter(|| set.insert(&coin)));
    set.remove(&coin);
    c.bench_function("digest", |b| b.iter(|| set.digest()));
}

criterion_group!(benches, muhash);
criterion_main!(benches);
