//! The hash of a coin set that goes over all coins in order: `hash_serialized_3`.

use std::ops::ControlFlow;

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256d};
use tipward_chain::Fault;
use tipward_muhash::coin_bytes;
use tipward_primitives::bitcoin::Txid;

use crate::CoinSet;

#[cfg(test)]
mod tests;

/// Coins between two looks at whether to stop.
const STOP_INTERVAL: u64 = 8192;

/// The double SHA-256 of all coins, ordered by the bytes of their transaction's id and by their number. `None` if told to
/// stop.
pub(crate) fn serialized_hash(
    set: &dyn CoinSet,
    stop: impl Fn() -> bool,
) -> Result<Option<sha256d::Hash>, Fault> {
    let mut engine = sha256d::Hash::engine();
    let mut transaction: Option<Txid> = None;
    // The coins of one transaction wait, because a set may keep them in another order than that of their numbers.
    let mut waiting: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut flush = |waiting: &mut Vec<(u32, Vec<u8>)>| {
        waiting.sort_unstable_by_key(|(vout, _)| *vout);
        waiting
            .drain(..)
            .for_each(|(_, bytes)| engine.input(&bytes));
    };
    let mut count = 0_u64;
    let mut stopped = false;
    set.visit(&mut |coin| {
        if count.is_multiple_of(STOP_INTERVAL) && stop() {
            stopped = true;
            return ControlFlow::Break(());
        }
        count += 1;
        if transaction.replace(coin.outpoint.txid) != Some(coin.outpoint.txid) {
            flush(&mut waiting);
        }
        let mut bytes = Vec::with_capacity(60 + coin.script.len());
        coin_bytes(
            &mut bytes,
            &coin.outpoint,
            coin.height,
            coin.coinbase,
            coin.value.cast_signed(),
            coin.script,
        );
        waiting.push((coin.outpoint.vout, bytes));
        ControlFlow::Continue(())
    })?;
    flush(&mut waiting);
    Ok((!stopped).then(|| sha256d::Hash::from_engine(engine)))
}
