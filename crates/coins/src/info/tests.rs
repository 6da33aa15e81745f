use std::path::Path;

use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{Block, consensus};

use super::*;
use crate::{CoinCache, CoinsDb, Flushed, SpentCoins, is_unspendable};

/// The first 4,313 blocks of mainnet; `None` if the test data is missing, which is a failure only when `CI=true`.
fn blocks() -> Option<Vec<Block>> {
    let root = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        Into::into,
    );
    let path = root.join("mainnet-blocks-0-4312.dat");
    let Ok(file) = std::fs::read(&path) else {
        let path = path.display();
        let ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(!ci, "test data is missing: {path}");
        eprintln!("skipped: {path} is missing");
        return None;
    };
    let mut blocks = Vec::new();
    let mut rest = file.as_slice();
    while let Some((frame, after)) = rest.split_first_chunk::<8>() {
        let [.., a, b, c, d] = *frame;
        let (block, after) = after.split_at(u32::from_le_bytes([a, b, c, d]) as usize);
        blocks.push(consensus::deserialize(block).unwrap());
        rest = after;
    }
    Some(blocks)
}

fn key(outpoint: &OutPoint) -> OutPointKey {
    let mut key = [0; 36];
    key[..32].copy_from_slice(outpoint.txid.as_byte_array());
    key[32..].copy_from_slice(&outpoint.vout.to_le_bytes());
    key
}

/// Connects a block, which is known to be valid.
fn connect(cache: &mut CoinCache, height: u32, block: &Block) {
    let mut spent = SpentCoins::new();
    for tx in &block.txdata {
        if !tx.is_coinbase() {
            for input in &tx.input {
                let key = key(&input.previous_output);
                assert!(cache.fetch(&key, &mut spent).unwrap(), "{key:?}");
                cache.spend(&key);
            }
        }
        let txid = tx.compute_txid();
        for (vout, output) in (0..).zip(&tx.output) {
            let coin = Coin {
                height,
                coinbase: tx.is_coinbase(),
                value: output.value.to_sat(),
                script: output.script_pubkey.as_bytes(),
            };
            if !is_unspendable(coin.script) {
                cache.add(&key(&OutPoint { txid, vout }), coin, tx.is_coinbase());
            }
        }
    }
}

fn flush(db: &CoinsDb, cache: &mut CoinCache, from: BlockHash, to: BlockHash) {
    let frozen = cache.freeze();
    let done = db.write(&frozen, from, to, &AtomicBool::new(false));
    assert_eq!(done.unwrap(), Flushed::Done);
    cache.thaw_done();
}

#[test]
fn the_coins_of_the_first_4313_blocks_are_those_that_bitcoin_core_counts() {
    let Some(blocks) = blocks() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let db = CoinsDb::open(dir.path()).unwrap();
    let mut cache = CoinCache::new(db.clone(), 1 << 20);
    let mut tip = BlockHash::all_zeros();
    // The genesis block's coin is not in the set.
    for (height, block) in (1..).zip(&blocks[1..]) {
        connect(&mut cache, height, block);
        if height % 1_000 == 0 || height == 4_312 {
            let to = block.block_hash();
            flush(&db, &mut cache, tip, to);
            tip = to;
        }
    }

    let snapshot = db.snapshot();
    for threads in [1, 3] {
        let counted = AtomicU64::new(0);
        let info = snapshot.info(true, threads, &counted, &AtomicBool::new(false));
        let info = info.unwrap().unwrap();
        // What Bitcoin Core's `gettxoutsetinfo muhash` says at this block.
        assert_eq!(info.coins, 4149);
        assert_eq!(info.transactions, 4145);
        assert_eq!(info.total_amount, 215_600 * 100_000_000);
        assert_eq!(info.bogo_size, 484_929);
        assert_eq!(
            info.muhash.unwrap().to_string(),
            "8ddda2747fb03d2bf57e08a23d4cab90f9e062c28bf5822760edc5238128a7e5"
        );
        assert_eq!(counted.into_inner(), 4149);
    }
}

#[test]
fn counting_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let db = CoinsDb::open(dir.path()).unwrap();
    let snapshot = db.snapshot();
    let info = |stop: bool| {
        let stop = AtomicBool::new(stop);
        snapshot.info(false, 2, &AtomicU64::new(0), &stop).unwrap()
    };
    assert_eq!(info(true), None);
    assert_eq!(info(false), Some(SetInfo::default()));
}
