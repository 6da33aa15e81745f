mod beside;
pub(crate) mod connecting;
mod crashes;
mod damage;
mod local;
mod model;
mod modelled;
mod pruning;
mod questions;
mod trees;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use tipward_chain::{BlockJob, BlockOutcome, BlockVerdict, Chain};
use tipward_coins::CoinsDb;
use tipward_consensus::{BlockContext, CheckedBlock, Reject, RejectKind, check_block};
use tipward_primitives::bitcoin::hashes::{Hash as _, sha256d};
use tipward_primitives::{BlockHash, Header, Network, Params, RawBlock};
use tipward_store::BlockStore;

use super::*;
use crate::ticket::Sink;

/// The first blocks of the main network, genesis first, or `None` (and a word of it) if they are not at hand.
fn mainnet_blocks() -> Option<Vec<RawBlock>> {
    let dir = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = dir.join("mainnet-blocks-0-4312.dat");
    let Ok(bytes) = std::fs::read(&path) else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{} is missing",
            path.display()
        );
        eprintln!("skipped: {} is missing", path.display());
        return None;
    };
    let bytes = bytes::Bytes::from(bytes);
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        blocks.push(RawBlock::new(bytes.slice(at + 8..at + 8 + size)).unwrap());
        at += 8 + size;
    }
    Some(blocks)
}

/// The job for a block of the main network's first years.
fn job(height: u32, header: Header) -> BlockJob {
    BlockJob {
        id: u64::from(height) + 1_000_000,
        context: BlockContext::new(&Params::new(Network::Bitcoin), header, height, 0),
    }
}

/// A pipeline over a fresh directory, with what it says.
struct Rig {
    dir: tempfile::TempDir,
    pipeline: Pipeline,
    events: Receiver<Event>,
}

fn options(queue: usize) -> Options {
    Options {
        check_threads: NonZeroUsize::new(2).unwrap(),
        queue,
        sync_bytes: 300_000,
        sync_interval: Duration::from_millis(50),
        ..Options::default()
    }
}

type Check = fn(&BlockContext, RawBlock) -> Result<CheckedBlock, Reject>;

fn start(dir: &Path, check: Check, queue: usize, sink: Sink) -> Pipeline {
    let params = Arc::new(Params::new(Network::Bitcoin));
    let (store, undo, _) = BlockStore::open(dir, &params).unwrap();
    let coins = CoinsDb::open(&dir.join("coins")).unwrap();
    let view = Chain::new(params).view();
    let check = move |context: &BlockContext, block| Ok(check(context, block)?);
    Pipeline::start_with(
        Arc::new(check),
        store,
        undo,
        coins,
        view,
        &options(queue),
        sink,
    )
    .unwrap()
}

fn rig(check: Check, queue: usize) -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let (sender, events) = unbounded();
    let sink = Sink::new(move |event| sender.send(event).unwrap());
    let pipeline = start(dir.path(), check, queue, sink);
    Rig {
        dir,
        pipeline,
        events,
    }
}

fn verdict(event: Event) -> BlockVerdict {
    match event {
        Event::Verdict(verdict) => verdict,
        Event::Chain(event) => panic!("{event:?}"),
        Event::Fault(fault) => panic!("{fault}"),
    }
}

/// The hashes that a directory holds, genesis included.
fn stored(dir: &Path) -> Vec<BlockHash> {
    let (_, _, loaded) = BlockStore::open(dir, &Params::new(Network::Bitcoin)).unwrap();
    assert_eq!(loaded.report.repairs, []);
    loaded.blocks.map(|b| b.unwrap().hash).collect()
}

#[test]
fn the_first_4312_blocks_of_the_main_network_are_checked_and_stored_once() {
    let Some(blocks) = mainnet_blocks() else {
        return;
    };
    let rig = rig(check_block, 64);
    let headers: Vec<Header> = blocks.iter().map(RawBlock::header).collect();
    let mut submitted = 0;
    for (height, block) in blocks.iter().enumerate() {
        if height % 1000 == 0 {
            let upto = headers.len().min(height + 1000);
            rig.pipeline
                .persist_headers(headers[height.max(1)..upto].to_vec());
        }
        // Some come twice, as when a slow peer's block was asked of another.
        for _ in 0..=usize::from(height % 10 == 0) {
            let job = job(height as u32, headers[height]);
            rig.pipeline.submit(job, block.clone());
            submitted += 1;
        }
    }
    for _ in 0..submitted {
        let verdict = verdict(rig.events.recv().unwrap());
        let known = verdict.hash == headers[verdict.height as usize].block_hash();
        let stored = matches!(verdict.outcome, BlockOutcome::Stored { transactions: 1.. });
        assert!(known && stored, "{verdict:?}");
        assert_eq!(verdict.size, blocks[verdict.height as usize].size());
    }
    rig.pipeline.flush().unwrap();
    let depths = rig.pipeline.depths();
    assert_eq!((depths.check, depths.write, depths.headers), (0, 0, 0));
    for (height, block) in blocks.iter().enumerate() {
        let read = rig.pipeline.reader().read(&block.block_hash()).unwrap();
        assert_eq!(read.as_ref(), Some(block), "at height {height}");
    }
    rig.pipeline.shutdown().unwrap();
    assert_eq!(rig.events.try_iter().count(), 0);

    let mut found = stored(rig.dir.path());
    let mut all: Vec<BlockHash> = headers.iter().map(Header::block_hash).collect();
    found.sort_unstable();
    all.sort_unstable();
    assert_eq!(found, all);
    let (_, _, loaded) = BlockStore::open(rig.dir.path(), &Params::new(Network::Bitcoin)).unwrap();
    let kept: Vec<Header> = loaded.headers.map(Result::unwrap).collect();
    assert_eq!(kept, headers[1..]);
}

#[test]
fn a_header_is_on_disk_before_its_block_is_said_to_be_stored() {
    let Some(blocks) = mainnet_blocks() else {
        return;
    };
    let rig = rig(check_block, 64);
    let log = rig.dir.path().join("headers.log");
    for (height, block) in blocks.iter().enumerate().skip(1).take(300) {
        rig.pipeline.persist_headers(vec![block.header()]);
        rig.pipeline
            .submit(job(height as u32, block.header()), block.clone());
        if height % 7 == 0 {
            continue;
        }
        let verdict = verdict(rig.events.recv().unwrap());
        let headers = (std::fs::metadata(&log).unwrap().len() - 16) / 84;
        assert!(headers >= u64::from(verdict.height));
    }
}

#[test]
fn a_refused_block_is_not_stored_and_holds_nothing_up() {
    let Some(blocks) = mainnet_blocks() else {
        return;
    };
    let rig = rig(check_block, 64);
    rig.pipeline
        .persist_headers(blocks[1..4].iter().map(RawBlock::header).collect());
    let flipped = |number: usize| {
        let mut bytes = blocks[number].bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    // Its sender says that this is what he sent; of the other one he says that it is not.
    let checksum = sha256d::Hash::hash(&flipped(1)).to_byte_array();
    let sent = RawBlock::received(flipped(1).into(), *checksum.first_chunk().unwrap()).unwrap();
    let damaged = RawBlock::received(flipped(3).into(), [0; 4]).unwrap();
    rig.pipeline.submit(job(1, blocks[1].header()), sent);
    rig.pipeline.submit(job(3, blocks[3].header()), damaged);
    rig.pipeline
        .submit(job(2, blocks[2].header()), blocks[2].clone());
    for _ in 0..3 {
        let verdict = verdict(rig.events.recv().unwrap());
        match verdict.height {
            1 => assert!(
                matches!(&verdict.outcome, BlockOutcome::Refused(r) if r.kind == RejectKind::Mutated),
                "{verdict:?}"
            ),
            3 => assert!(
                matches!(&verdict.outcome, BlockOutcome::Refused(r) if r.kind == RejectKind::Damaged),
                "{verdict:?}"
            ),
            _ => assert!(matches!(
                verdict.outcome,
                BlockOutcome::Stored { transactions: 1 }
            )),
        }
    }
    rig.pipeline.shutdown().unwrap();
    let held = [blocks[0].block_hash(), blocks[2].block_hash()];
    assert_eq!(stored(rig.dir.path()), held);
}

/// A block with nothing behind its header; the checks of these tests do not look.
fn empty_block(nonce: u32) -> (Header, RawBlock) {
    let mut header = Params::new(Network::Bitcoin).genesis.header;
    header.nonce = nonce;
    let bytes = bitcoin::consensus::serialize(&header);
    (header, RawBlock::new(bytes.into()).unwrap())
}

fn panics_on_odd_heights(context: &BlockContext, _: RawBlock) -> Result<CheckedBlock, Reject> {
    assert!(context.height.is_multiple_of(2), "an odd height");
    Err(Reject::new(RejectKind::Consensus, "bad-test", ""))
}

#[test]
fn a_panic_in_a_check_fails_that_block_by_name_and_no_other() {
    let rig = rig(panics_on_odd_heights, 64);
    for height in 0..40 {
        let (header, block) = empty_block(height);
        rig.pipeline.submit(job(height, header), block);
    }
    for _ in 0..40 {
        let verdict = verdict(rig.events.recv().unwrap());
        match (verdict.height % 2, &verdict.outcome) {
            (0, BlockOutcome::Refused(_)) => {}
            (_, BlockOutcome::Failed(fault)) => {
                assert!(!fault.may_pass);
                assert!(fault.what.contains(&verdict.hash.to_string()), "{fault}");
                assert!(fault.what.contains("an odd height"), "{fault}");
            }
            _ => panic!("{verdict:?}"),
        }
    }
    rig.pipeline.shutdown().unwrap();
    assert_eq!(rig.events.try_iter().count(), 0);
}

static GATE: Mutex<()> = Mutex::new(());

fn waits_at_the_gate(_: &BlockContext, _: RawBlock) -> Result<CheckedBlock, Reject> {
    let _gate = GATE.lock();
    Err(Reject::new(RejectKind::Consensus, "bad-test", ""))
}

#[test]
fn a_full_queue_gives_blocks_back_and_a_shutdown_decides_every_job_once() {
    let rig = rig(waits_at_the_gate, 5);
    let gate = GATE.lock().unwrap();
    let mut taken = Vec::new();
    let mut given_back = 0;
    for height in 0..50 {
        let (header, block) = empty_block(height);
        let submitted = job(height, header);
        match rig.pipeline.try_submit(submitted.clone(), block.clone()) {
            Ok(()) => taken.push(submitted.id),
            Err(back) => {
                assert_eq!(*back, (submitted, block));
                given_back += 1;
            }
        }
    }
    // Two in the hands of the check threads at most, five in the queue.
    assert!((5..=7).contains(&taken.len()), "{}", taken.len());
    assert_eq!(taken.len() + given_back, 50);
    assert!(rig.pipeline.depths().check >= 3);
    let stopping = std::thread::spawn(move || rig.pipeline.shutdown());
    drop(gate);
    stopping.join().unwrap().unwrap();
    let mut decided: Vec<u64> = rig.events.try_iter().map(|e| verdict(e).id).collect();
    decided.sort_unstable();
    assert_eq!(decided, taken);
}

#[test]
fn a_listener_that_panics_does_not_stop_the_pipeline() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, events) = unbounded();
    let sink = Sink::new(move |event| {
        let verdict = verdict(event);
        sender.send(verdict.height).unwrap();
        assert!(verdict.height > 0, "the first verdict is too much");
    });
    let pipeline = start(dir.path(), check_block, 8, sink);
    for height in 0..3 {
        let (header, block) = empty_block(height);
        pipeline.submit(job(height, header), block);
    }
    pipeline.shutdown().unwrap();
    assert_eq!(events.try_iter().count(), 3);
}
