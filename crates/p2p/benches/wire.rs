//! How fast blocks come off the wire: the frame decoder, checksum included, against the bare double SHA-256 of the same
//! bytes.

use std::hint::black_box;

use bytes::{BufMut as _, Bytes};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest as _, Sha256};
use tipward_p2p::transport::{MessageReader as _, MessageWriter as _, V1Reader, V1Writer};

const MAGIC: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];
/// What one read of a socket gives at most.
const READ: usize = 256 * 1024;

fn block(size: usize) -> Bytes {
    (0..size).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn receive(stream: &[u8]) -> usize {
    let mut reader = V1Reader::new(MAGIC);
    let mut rest = stream;
    let mut messages = 0;
    while !rest.is_empty() {
        let mut buffer = reader.buffer();
        let n = rest.len().min(READ).min(buffer.remaining_mut());
        buffer.put_slice(&rest[..n]);
        rest = &rest[n..];
        while let Ok(Some(received)) = reader.next_message() {
            black_box(&received);
            messages += 1;
        }
    }
    messages
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire");
    group.sample_size(20);
    for size in [1_000, 250_000, 1_000_000, 4_000_000] {
        let payload = block(size);
        let frame = V1Writer::new(MAGIC).encode_block(payload.clone());
        let stream: Vec<u8> = [&frame.first_ref()[..], &frame.last_ref()[..]].concat();
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("receive", size), &stream, |b, stream| {
            b.iter(|| assert_eq!(receive(stream), 1));
        });
        group.bench_with_input(BenchmarkId::new("sha256d", size), &payload, |b, payload| {
            b.iter(|| Sha256::digest(Sha256::digest(black_box(payload))));
        });
        group.bench_with_input(BenchmarkId::new("copy", size), &payload, |b, payload| {
            b.iter(|| black_box(payload.to_vec()));
        });
    }
    group.finish();
}

criterion_group!(wire, benches);
criterion_main!(wire);
