//! What there is to say of a whole set.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use tipward_muhash::{MuHash, SetDigest, coin_bytes};
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{OutPoint, Txid};

use crate::{Coin, CoinsError, CoinsSnapshot, OutPointKey};

/// A coin without its script, in [`SetInfo::bogo_size`].
const BOGO_SIZE: u64 = 50;

/// Coins between two looks at whether to stop.
const STRIDE: u64 = 1024;

/// What `gettxoutsetinfo` says of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetInfo {
    /// How many coins there are.
    pub coins: u64,
    /// How many transactions made them.
    pub transactions: u64,
    /// Satoshis of all together.
    pub total_amount: u64,
    /// A size that depends on nothing but the set, as Bitcoin Core defines it: 50 bytes a coin, and its script.
    pub bogo_size: u64,
    /// The hash of the set, if it was asked for.
    pub muhash: Option<SetDigest>,
}

/// The figures of some transactions' coins.
#[derive(Default)]
struct Part {
    info: SetInfo,
    muhash: MuHash,
    bytes: Vec<u8>,
    last: Option<[u8; 32]>,
}

impl Part {
    fn add(&mut self, key: &OutPointKey, coin: Coin<'_>, muhash: bool) {
        let (txid, index) = key.split_first_chunk().expect("36 bytes begin with 32");
        let info = &mut self.info;
        info.coins += 1;
        info.total_amount = info.total_amount.saturating_add(coin.value);
        info.bogo_size += BOGO_SIZE + coin.script.len() as u64;
        // The coins of a transaction are neighbours.
        if self.last.as_ref() != Some(txid) {
            info.transactions += 1;
            self.last = Some(*txid);
        }
        if muhash {
            let index = index.try_into().expect("four bytes are left");
            let outpoint = OutPoint {
                txid: Txid::from_byte_array(*txid),
                vout: u32::from_le_bytes(index),
            };
            self.bytes.clear();
            coin_bytes(
                &mut self.bytes,
                &outpoint,
                coin.height,
                coin.coinbase,
                coin.value.cast_signed(),
                coin.script,
            );
            self.muhash.insert(&self.bytes);
        }
    }

    fn join(&mut self, other: &Self) {
        let (info, others) = (&mut self.info, &other.info);
        info.coins += others.coins;
        info.transactions += others.transactions;
        info.total_amount = info.total_amount.saturating_add(others.total_amount);
        info.bogo_size += others.bogo_size;
        self.muhash.join(&other.muhash);
    }
}

impl CoinsSnapshot {
    /// Goes over all coins, on `threads` threads (at least one), and over their hash if `muhash` is set, which takes many
    /// times as long. `counted` tells how many coins were seen so far; once `stop` is set, `None` is returned soon.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn info(
        &self,
        muhash: bool,
        threads: usize,
        counted: &AtomicU64,
        stop: &AtomicBool,
    ) -> Result<Option<SetInfo>, CoinsError> {
        // Each takes all transactions whose id begins with the same byte, then the next byte that no one has taken.
        let next = AtomicUsize::new(0);
        let work = || {
            let mut part = Part::default();
            while let Ok(byte) = u8::try_from(next.fetch_add(1, Ordering::Relaxed)) {
                self.add_slice(byte, muhash, &mut part, counted, stop)?;
            }
            Ok(part)
        };
        let parts: Vec<Result<Part, CoinsError>> = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut parts = vec![work()];
            parts.extend(others.into_iter().map(|other| match other.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            }));
            parts
        });
        let mut all = Part::default();
        for part in parts {
            all.join(&part?);
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        all.info.muhash = muhash.then(|| all.muhash.digest());
        Ok(Some(all.info))
    }

    /// Adds the coins of all transactions whose id begins with a byte.
    fn add_slice(
        &self,
        byte: u8,
        muhash: bool,
        to: &mut Part,
        counted: &AtomicU64,
        stop: &AtomicBool,
    ) -> Result<(), CoinsError> {
        let mut first = [0; 36];
        first[0] = byte;
        let mut here = 0;
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.for_each(&first, |key, coin| {
            if key[0] != byte {
                return ControlFlow::Break(());
            }
            to.add(key, coin, muhash);
            here += 1;
            if here == STRIDE {
                counted.fetch_add(here, Ordering::Relaxed);
                here = 0;
                if stop.load(Ordering::Relaxed) {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        counted.fetch_add(here, Ordering::Relaxed);
        Ok(())
    }
}
