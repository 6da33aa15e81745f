//! tipward's own store, through the public face of `tipward-coins`.
//!
//! A flush goes through a cache, as in a node; reads pass it by. What was written is merged by a thread when there is nothing
//! to write, and a flush pauses it. As the store sees nothing of a flush until the cache is full, a process that dies between two
//! chunks dies before it has written anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use tipward_coins::{
    Coin, CoinCache, CoinsDb, CoinsError, DbState, Flushed, Merged, OutPointKey,
    SpentCoins,
};
use tipward_primitives::BlockHash;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::*;

/// Added to the two bytes that become a height, so that it takes as many bytes as those of the main network.
const FIRST_HEIGHT: u32 = 100_000;

pub(crate) struct Tipward {
    db: CoinsDb,
    cache: CoinCache,
    pause: Arc<AtomicBool>,
    merging: Option<JoinHandle<Result<Merged, CoinsError>>>,
}

impl Tipward {
    /// The store has no cache but the system's, so that the budget is that of what gathers a flush.
    pub(crate) fn open(dir: &Path, cache: usize) -> anyhow::Result<Self> {
        let db = CoinsDb::open(dir)?;
        Ok(Self {
            cache: CoinCache::new(db.clone(), cache),
            db,
            pause: Arc::default(),
            merging: None,
        })
    }

    fn merge(&mut self) {
        self.pause.store(false, Ordering::Relaxed);
        let (db, pause) = (self.db.clone(), Arc::clone(&self.pause));
        self.merging = Some(thread::spawn(move || {
            db.merge(|| pause.load(Ordering::Relaxed))
        }));
    }

    fn pause_merging(&mut self) -> anyhow::Result<()> {
        self.pause.store(true, Ordering::Relaxed);
        if let Some(merging) = self.merging.take() {
            match merging.join() {
                Ok(merged) => drop(merged?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    }
}

impl Drop for Tipward {
    fn drop(&mut self) {
        if let Err(error) = self.pause_merging() {
            eprintln!("merging failed: {error}");
        }
    }
}

impl Store for Tipward {
    fn flush(&mut self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        // It is kept until now, so that the memory that is measured after a flush is what the flush took.
        self.cache.forget_written();
        for (key, value) in chunks.flatten() {
            match value {
                Some(value) => self.cache.add(&outpoint(&key), coin(&value)?, false),
                None => self.cache.spend(&outpoint(&key)),
            }
        }
        let frozen = self.cache.freeze();
        self.pause_merging()?;
        let (from, to) = (block(number), block(number + 1));
        let never = AtomicBool::new(false);
        if self.db.write(&frozen, from, to, &never)? != Flushed::Done {
            bail!("a flush was stopped that nobody stops");
        }
        self.cache.thaw_done();
        // What is measured is the store.
        drop(self.cache.forget_written());
        self.merge();
        Ok(())
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        let mut found = SpentCoins::new();
        self.db.get(&outpoint(key), &mut found)?;
        Ok(found.get(0).map(|coin| value(&coin)))
    }

    fn get_many(&self, keys: &[Key]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let hashed = |key: &Key| {
            let key = outpoint(key);
            (self.cache.hash(&key), key)
        };
        let keys: Vec<_> = keys.iter().map(hashed).collect();
        let found = self.cache.older().fetch_all(&keys)?;
        let value = |number| found.coin(number).map(|coin| value(&coin));
        Ok((0..keys.len()).map(value).collect())
    }

    fn mark(&self) -> anyhow::Result<Option<Mark>> {
        let DbState::At { tip } = self.db.state() else {
            return Ok(None);
        };
        let blocks = tip.to_byte_array();
        let (blocks, _) = blocks.split_first_chunk().context("a hash is short")?;
        Ok(u64::from_le_bytes(*blocks).checked_sub(1).map(Mark::Done))
    }
}

/// The block after so many flushes. The one after none is all zero, as it must be.
fn block(flushes: u64) -> BlockHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&flushes.to_le_bytes());
    BlockHash::from_byte_array(hash)
}

/// The same outpoint: only the index is written the other way round.
fn outpoint(key: &Key) -> OutPointKey {
    let mut outpoint = *key;
    outpoint[32..].reverse();
    outpoint
}

/// The coin whose height, amount and script are the bytes of a value. It takes three bytes more in the store than the value in
/// others, and its key three bytes less.
fn coin(value: &[u8]) -> anyhow::Result<Coin<'_>> {
    let [h0, h1, a0, a1, a2, script @ ..] = value else {
        bail!("a value is short");
    };
    Ok(Coin {
        height: FIRST_HEIGHT + u32::from(u16::from_le_bytes([*h0, *h1])),
        coinbase: false,
        value: u32::from_le_bytes([*a0, *a1, *a2, 0]).into(),
        script,
    })
}

/// The value whose coin this is. Of a coin that no value makes, the bytes that do not fit are kept, so that it is told apart.
fn value(coin: &Coin<'_>) -> Vec<u8> {
    let height = coin.height.wrapping_sub(FIRST_HEIGHT).to_le_bytes();
    let amount = coin.value.to_le_bytes();
    let mut value = [&height[..2], &amount[..3], coin.script].concat();
    if coin.coinbase || height[2..] != [0; 2] || amount[3..] != [0; 5] {
        value.extend([height.as_slice(), &amount, &[coin.coinbase.into()]].concat());
    }
    value
}
