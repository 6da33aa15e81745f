//! Coins, and transactions that spend them.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use bitcoin::absolute::LockTime;
use bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};
use rand::{Rng, RngExt as _};
use tipward_primitives::Height;

use super::keys::{Keyring, ScriptKind};

/// Blocks that must lie between a coinbase and its spending.
pub(crate) const COINBASE_MATURITY: Height = 100;

/// Coins below this, in satoshi, are not worth another transaction.
const SMALLEST_COIN: u64 = 2_000;

/// Fees, in satoshi, lie between these.
const FEES: std::ops::RangeInclusive<u64> = 150..=1_000;

/// So many coins for each transaction of a block are enough: then spending makes no more of them.
const COINS_PER_TRANSACTION: usize = 8;

/// From so many transactions on it pays to sign them in several threads.
const WORTH_THREADS: usize = 64;

/// Where a transaction is going to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Height of its block.
    pub(crate) height: Height,
    /// Median time past of the block before, in seconds.
    pub(crate) median_time: u32,
}

/// An unspent output that is the wallet's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coin {
    pub(crate) outpoint: OutPoint,
    pub(crate) value: Amount,
    /// Number of its key.
    pub(crate) key: usize,
    /// Where it was made.
    pub(crate) place: Place,
}

/// A transaction and what it takes.
#[derive(Debug)]
pub(super) struct Spend {
    pub(super) transaction: Transaction,
    pub(super) fee: Amount,
    coins: Vec<Coin>,
}

/// All unspent coins of a branch.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) coins: Vec<Coin>,
    /// Outputs of coinbases that cannot be spent yet, oldest first.
    pub(crate) immature: VecDeque<Coin>,
}

impl Wallet {
    pub(super) fn new(seed: u64, kinds: &[ScriptKind]) -> Self {
        Self {
            keyring: Arc::new(Keyring::new(seed, kinds)),
            coins: Vec::new(),
            immature: VecDeque::new(),
        }
    }

    /// A script that this wallet can spend from.
    pub(crate) fn new_script(&self, rng: &mut impl Rng) -> ScriptBuf {
        let key = rng.random_range(0..self.keyring.len());
        self.keyring.key(key).script.clone()
    }

    /// Makes those coins spendable whose coinbase is old enough for a spend at `height`.
    pub(crate) fn mature(&mut self, height: Height) {
        let old_enough = |coin: &Coin| coin.place.height + COINBASE_MATURITY <= height;
        let count = self.immature.partition_point(old_enough);
        self.coins.extend(self.immature.drain(..count));
    }

    pub(super) fn receive_coinbase(&mut self, coinbase: &Transaction, place: Place) {
        let coins = self.own_outputs(coinbase, place);
        self.immature.extend(coins);
    }

    /// Takes in what a transaction pays to this wallet.
    pub(super) fn receive(&mut self, tx: &Transaction, place: Place) {
        let coins = self.own_outputs(tx, place);
        self.coins.extend(coins);
    }

    /// Takes in a block that was not made of this wallet's [`Wallet::spend`]s.
    pub(super) fn apply(&mut self, block: &Block, place: Place) {
        for tx in &block.txdata[1..] {
            self.receive(tx, place);
        }
        if let Some(coinbase) = block.txdata.first() {
            self.receive_coinbase(coinbase, place);
        }
        let spent: HashSet<OutPoint> = block
            .txdata
            .iter()
            .flat_map(|tx| tx.input.iter().map(|input| input.previous_output))
            .collect();
        self.coins.retain(|coin| !spent.contains(&coin.outpoint));
        self.immature.retain(|coin| !spent.contains(&coin.outpoint));
    }

    /// Undoes a [`Wallet::spend`].
    pub(super) fn give_back(&mut self, spend: Spend) {
        self.coins.extend(spend.coins);
    }

    fn own_outputs(&self, tx: &Transaction, place: Place) -> Vec<Coin> {
        let txid = tx.compute_txid();
        let own = |(vout, output): (usize, &TxOut)| {
            let key = self.keyring.find(&output.script_pubkey)?;
            (output.value.to_sat() >= SMALLEST_COIN).then_some(Coin {
                outpoint: OutPoint::new(txid, vout as u32),
                value: output.value,
                key,
                place,
            })
        };
        tx.output.iter().enumerate().filter_map(own).collect()
    }

    /// Takes up to `wanted` coins that can be spent at `height`.
    fn take(&mut self, wanted: usize, height: Height, rng: &mut impl Rng) -> Vec<Coin> {
        let mut coins = Vec::new();
        let mut too_young = Vec::new();
        while coins.len() < wanted && !self.coins.is_empty() {
            let index = rng.random_range(0..self.coins.len());
            let coin = self.coins.swap_remove(index);
            let min_age = self.keyring.key(coin.key).kind.min_age();
            if height - coin.place.height < min_age {
                too_young.push(coin);
            } else {
                coins.push(coin);
            }
        }
        self.coins.extend(too_young);
        coins
    }

    /// A transaction, still to be signed, for a block in which there will be about `transactions`; `None` if there is no
    /// coin left.
    pub(super) fn spend(
        &mut self,
        place: Place,
        transactions: u32,
        rng: &mut impl Rng,
    ) -> Option<Spend> {
        let plenty = self.coins.len() > COINS_PER_TRANSACTION * transactions as usize;
        let wanted = rng.random_range(1..=if plenty { 4 } else { 2 });
        let coins = self.take(wanted, place.height, rng);
        let total: Amount = coins.iter().map(|coin| coin.value).sum();
        if coins.is_empty() {
            return None;
        }

        let fee = Amount::from_sat(rng.random_range(FEES));
        let affordable = (total - fee).to_sat() / SMALLEST_COIN;
        let outputs = rng.random_range(if plenty { 1..=3 } else { 3..=8 });
        let output = self.outputs(total - fee, outputs.min(affordable).max(1), rng);
        Some(Spend {
            transaction: self.unsigned(place, &coins, output, rng),
            fee,
            coins,
        })
    }

    /// A transaction that spends `coins`, with lock times that have just or long passed.
    fn unsigned(
        &self,
        place: Place,
        coins: &[Coin],
        output: Vec<TxOut>,
        rng: &mut impl Rng,
    ) -> Transaction {
        let mut must_lock = false;
        let input = coins
            .iter()
            .map(|coin| {
                let sequence = match self.keyring.key(coin.key).kind {
                    ScriptKind::LockTime => {
                        must_lock = true;
                        Sequence::ENABLE_LOCKTIME_NO_RBF
                    }
                    ScriptKind::RelativeLock => blocks_between(coin, place),
                    _ => sequence(coin, place, rng),
                };
                TxIn {
                    previous_output: coin.outpoint,
                    script_sig: ScriptBuf::new(),
                    sequence,
                    witness: Witness::new(),
                }
            })
            .collect();
        // Half of the transactions are locked to the height just reached, as wallets do against fee sniping.
        let lock_time = match must_lock || rng.random_bool(0.5) {
            true => LockTime::from_consensus(place.height - 1),
            false => LockTime::ZERO,
        };
        Transaction {
            version: transaction::Version::TWO,
            lock_time,
            input,
            output,
        }
    }

    /// Splits `total` at random over `count` outputs, each worth spending if there is enough for that.
    fn outputs(&self, total: Amount, count: u64, rng: &mut impl Rng) -> Vec<TxOut> {
        let mut left = total.to_sat();
        let mut outputs = Vec::new();
        for others in (0..count).rev() {
            // Up to twice an even share, and as much as the others can do without.
            let most = left.saturating_sub(others * SMALLEST_COIN);
            let upper = most.min(2 * left / (others + 1));
            let value = match others {
                0 => left,
                _ => rng.random_range(SMALLEST_COIN.min(upper)..=upper),
            };
            left -= value;
            outputs.push(TxOut {
                value: Amount::from_sat(value),
                script_pubkey: self.new_script(rng),
            });
        }
        outputs
    }

    /// Signs transactions, in several threads if there are many.
    pub(super) fn sign_all(&self, spends: &mut [Spend]) {
        let threads = match spends.len() {
            0..WORTH_THREADS => 1,
            _ => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        };
        let share = spends.len().div_ceil(threads).max(1);
        let mut shares = spends.chunks_mut(share);
        let mine = shares.next();
        thread::scope(|scope| {
            for spends in shares {
                scope.spawn(|| spends.iter_mut().for_each(|spend| self.sign(spend, None)));
            }
            for spend in mine.into_iter().flatten() {
                self.sign(spend, None);
            }
        });
    }

    /// Gives a taproot input of the transaction an annex so that it weighs `weight` more; false if it has no such input.
    pub(super) fn add_annex(&self, spend: &mut Spend, weight: usize) -> bool {
        let taproot = |coin: &Coin| self.keyring.is_taproot(coin.key);
        let Some(index) = spend.coins.iter().position(taproot) else {
            return false;
        };
        // The length in front of the annex takes up to five bytes itself.
        let mut annex = vec![0xa5; weight.saturating_sub(5).max(1)];
        annex[0] = 0x50;
        self.sign(spend, Some((index, &annex)));
        true
    }

    fn sign(&self, spend: &mut Spend, annex: Option<(usize, &[u8])>) {
        let coins: Vec<_> = spend.coins.iter().map(|c| (c.key, c.value)).collect();
        self.keyring.sign(&mut spend.transaction, &coins, annex);
    }
}

/// A sequence number for an input: final, replaceable, or a relative lock by height or by time that is just over (BIP68).
fn sequence(coin: &Coin, place: Place, rng: &mut impl Rng) -> Sequence {
    match rng.random_range(0..5) {
        0 => Sequence::MAX,
        1 => Sequence::ENABLE_RBF_NO_LOCKTIME,
        2 => Sequence::ENABLE_LOCKTIME_NO_RBF,
        3 => time_between(coin, place),
        _ => blocks_between(coin, place),
    }
}

/// The longest relative lock by height that is over.
pub(crate) fn blocks_between(coin: &Coin, place: Place) -> Sequence {
    let age = place.height - coin.place.height;
    Sequence::from_height(u16::try_from(age).unwrap_or(u16::MAX))
}

/// The longest relative lock by time that is over, in steps of 512 seconds.
pub(crate) fn time_between(coin: &Coin, place: Place) -> Sequence {
    let steps = (place.median_time - coin.place.median_time) / 512;
    Sequence::from_512_second_intervals(u16::try_from(steps).unwrap_or(u16::MAX))
}
