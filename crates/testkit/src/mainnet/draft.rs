//! Transactions: planned one after the other, signed side by side.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, transaction,
};
use rand::{Rng, RngExt as _};
use tipward_primitives::Height;

use super::ages::{Ages, Coin};
use super::{SHARES, Totals};
use crate::generate::ScriptKind;
use crate::generate::keys::Keyring;
use crate::generate::wallet::COINBASE_MATURITY;

/// What a coin of a fan-out is worth, in satoshi: enough to be split as often as a long chain splits it.
const COIN_VALUE: u64 = 25_000;

/// Outputs of a transaction of a fan-out.
const FAN: usize = 40;

/// No output is worth less, in satoshi.
const SMALLEST: u64 = 300;

/// Fees, in satoshi.
const FEES: std::ops::RangeInclusive<u64> = 150..=1_000;

/// Transactions of a full block are signed in so many steps: those of a later one may spend what those of an earlier one
/// make.
const STEPS: usize = 5;

/// A block is full when so many transactions did not fit.
const MISSES: u32 = 20;

/// Weight of a block's header, number of transactions, and coinbase, generously.
const FIXED_WEIGHT: usize = 4 * 350;

/// Transactions that a thread signs at a time.
const BATCH: usize = 16;

/// How many of a thousand transactions have between so many inputs.
const INPUTS: [(u32, usize, usize); 5] = [
    (605, 1, 1),
    (220, 2, 2),
    (90, 3, 3),
    (50, 4, 10),
    (35, 11, 46),
];

/// The same for outputs.
const OUTPUTS: [(u32, usize, usize); 5] = [
    (200, 1, 1),
    (600, 2, 2),
    (80, 3, 3),
    (80, 4, 10),
    (40, 11, 40),
];

/// Of a thousand transactions so many have an output with data instead of a key.
const WITH_DATA: u32 = 125;

/// A transaction before it is signed.
#[derive(Debug)]
struct Draft {
    transaction: Transaction,
    /// Number of the key and the value of each output.
    made: Vec<(u16, u64)>,
    spent: Vec<Coin>,
    fee: Amount,
    /// What it weighs with its signatures, or a little less.
    weight: usize,
    /// Known once it is signed.
    txid: Txid,
}

/// What the coins of one key weigh when they are spent, and how they are verified.
#[derive(Clone, Copy, Debug)]
struct Cost {
    weight: usize,
    ecdsa: u64,
    schnorr: u64,
    commitments: u64,
}

/// Keys, coins, and the transactions that spend them.
#[derive(Debug)]
pub(super) struct Drafts {
    keyring: Keyring,
    /// By the number of the key.
    costs: Vec<Cost>,
    threads: NonZeroUsize,
    /// By the number of the transaction.
    txids: Vec<Txid>,
    ages: Ages,
    /// Outputs of coinbases that cannot be spent yet, and their height.
    ripening: VecDeque<(Height, Coin)>,
    /// Large coins to make fan-outs of.
    purse: Vec<Coin>,
    fanned_out: u64,
    height: Height,
}

impl Drafts {
    pub(super) fn new(seed: u64, keys: usize, threads: NonZeroUsize) -> Self {
        let shares = SHARES.iter();
        let hundred: Vec<ScriptKind> = shares
            .flat_map(|(kind, share)| std::iter::repeat_n(*kind, *share as usize))
            .collect();
        let keyring = Keyring::usual(seed, (0..keys).map(|i| hundred[i % hundred.len()]));
        Self {
            costs: (0..keys).map(|key| cost(&keyring, key)).collect(),
            keyring,
            threads,
            txids: Vec::new(),
            ages: Ages::new(),
            ripening: VecDeque::new(),
            purse: Vec::new(),
            fanned_out: 0,
            height: 0,
        }
    }

    /// Coins that can be spent.
    pub(super) fn coins(&self) -> u64 {
        (self.ages.len() + self.purse.len()) as u64
    }

    /// Coins that fan-outs have made so far.
    pub(super) fn fanned_out(&self) -> u64 {
        self.fanned_out
    }

    /// Goes on to the block at `height`: coins are older, and a coinbase may have ripened.
    pub(super) fn begin_block(&mut self, height: Height) {
        self.height = height;
        self.ages.next_block();
        while let Some((made, coin)) = self.ripening.front().copied()
            && made + COINBASE_MATURITY <= height
        {
            self.ripening.pop_front();
            self.purse.push(coin);
        }
    }

    /// The script of the coinbase at `height`.
    pub(super) fn coinbase_script(&self, height: Height) -> ScriptBuf {
        let key = height as usize % self.keyring.len();
        self.keyring.key(key).script.clone()
    }

    pub(super) fn receive_coinbase(&mut self, coinbase: &Transaction, height: Height) {
        let value = coinbase.output[0].value.to_sat();
        // Late blocks of regtest have no subsidy.
        if value < COIN_VALUE {
            return;
        }
        let coin = Coin {
            value,
            transaction: self.number(coinbase.compute_txid()),
            vout: 0,
            key: (height as usize % self.keyring.len()) as u16,
        };
        self.ripening.push_back((height, coin));
    }

    /// Transactions that make `wanted` coins and nothing else, with their fees.
    pub(super) fn fan_out(
        &mut self,
        wanted: u64,
        rng: &mut impl Rng,
    ) -> Vec<(Transaction, Amount)> {
        let mut left = wanted as usize;
        let fans: Vec<usize> = std::iter::from_fn(|| {
            let fan = left.min(FAN);
            left -= fan;
            (fan > 0).then_some(fan)
        })
        .collect();
        let fee = *FEES.end();
        let values: Vec<u64> = fans
            .iter()
            .map(|fan| *fan as u64 * COIN_VALUE + fee)
            .collect();
        let needed = values.iter().sum::<u64>() + fee;
        let mut spent = Vec::new();
        let mut total = 0;
        while total < needed {
            let coin = self.purse.pop().expect("coins are few enough");
            total += coin.value;
            spent.push(coin);
        }
        let mut outputs = self.outputs(values, rng);
        let change = self.outputs(vec![total - needed], rng);
        outputs.extend(change);
        let splitter = self.draft(spent, outputs, None, fee, rng);
        let mut signed = Vec::new();
        let mut parts = self.sign(vec![splitter], &mut signed);
        self.purse.extend(parts.pop());
        let drafts = parts
            .into_iter()
            .zip(fans)
            .map(|(part, fan)| {
                let outputs = self.outputs(vec![COIN_VALUE; fan], rng);
                self.draft(vec![part], outputs, None, fee, rng)
            })
            .collect();
        for coin in self.sign(drafts, &mut signed) {
            self.ages.add(coin);
        }
        self.fanned_out += wanted;
        signed
    }

    /// Transactions for a block of about `weight`, with their fees.
    pub(super) fn full_block(
        &mut self,
        weight: usize,
        rng: &mut impl Rng,
        totals: &mut Totals,
    ) -> Vec<(Transaction, Amount)> {
        // What is left of the fan-outs, and ripe coinbases.
        for coin in self.purse.drain(..) {
            self.ages.add(coin);
        }
        let mut signed = Vec::new();
        let mut used = FIXED_WEIGHT;
        let mut misses = 0;
        for step in 1..=STEPS {
            let until = weight * step / STEPS;
            let mut drafts = Vec::new();
            while used < until
                && misses < MISSES
                && let Some(draft) = self.spend(rng)
            {
                if used + draft.weight > weight {
                    misses += 1;
                    for coin in draft.spent {
                        self.ages.give_back(coin);
                    }
                } else {
                    used += draft.weight;
                    self.count(&draft, totals);
                    drafts.push(draft);
                }
            }
            for coin in self.sign(drafts, &mut signed) {
                self.ages.add(coin);
            }
        }
        signed
    }

    fn count(&self, draft: &Draft, totals: &mut Totals) {
        totals.inputs += draft.spent.len() as u64;
        totals.outputs += draft.made.len() as u64;
        for coin in &draft.spent {
            let cost = &self.costs[usize::from(coin.key)];
            totals.ecdsa += cost.ecdsa;
            totals.schnorr += cost.schnorr;
            totals.commitments += cost.commitments;
        }
    }

    /// A transaction like others of a full block; `None` if there is no coin left.
    fn spend(&mut self, rng: &mut impl Rng) -> Option<Draft> {
        let wanted = draw(&INPUTS, rng);
        let spent: Vec<Coin> = (0..wanted).map_while(|_| self.ages.take(rng)).collect();
        if spent.is_empty() {
            return None;
        }
        let total: u64 = spent.iter().map(|coin| coin.value).sum();
        let fee = rng.random_range(FEES).min(total / 2);
        let affordable = (total - fee) / SMALLEST;
        let count = (draw(&OUTPUTS, rng) as u64).min(affordable).max(1);
        let outputs = self.outputs(split(total - fee, count, rng), rng);
        let data = rng.random_ratio(WITH_DATA, 1_000).then(|| data(rng));
        Some(self.draft(spent, outputs, data, fee, rng))
    }

    /// Outputs of these values, each under some key.
    fn outputs(&self, values: Vec<u64>, rng: &mut impl Rng) -> Vec<(u16, u64)> {
        let keys = self.keyring.len() as u32;
        let with_key = |value| (rng.random_range(0..keys) as u16, value);
        values.into_iter().map(with_key).collect()
    }

    fn draft(
        &self,
        spent: Vec<Coin>,
        made: Vec<(u16, u64)>,
        data: Option<TxOut>,
        fee: u64,
        rng: &mut impl Rng,
    ) -> Draft {
        // As wallets do: many can be replaced, and half are locked to the height just reached, against fee sniping.
        let sequence = match rng.random_bool(0.7) {
            true => Sequence::ENABLE_RBF_NO_LOCKTIME,
            false => Sequence::ENABLE_LOCKTIME_NO_RBF,
        };
        let lock_time = match rng.random_bool(0.5) {
            true => LockTime::from_consensus(self.height - 1),
            false => LockTime::ZERO,
        };
        let input = spent.iter().map(|coin| TxIn {
            previous_output: OutPoint::new(
                self.txids[coin.transaction as usize],
                u32::from(coin.vout),
            ),
            script_sig: ScriptBuf::new(),
            sequence,
            witness: Witness::new(),
        });
        let output = made.iter().map(|(key, value)| TxOut {
            value: Amount::from_sat(*value),
            script_pubkey: self.keyring.key(usize::from(*key)).script.clone(),
        });
        let transaction = Transaction {
            version: transaction::Version::TWO,
            lock_time,
            input: input.collect(),
            output: output.chain(data).collect(),
        };
        let keys = spent.iter().map(|coin| usize::from(coin.key));
        let signatures: usize = keys.map(|key| self.costs[key].weight).sum();
        Draft {
            weight: transaction.weight().to_wu() as usize + signatures,
            transaction,
            made,
            spent,
            fee: Amount::from_sat(fee),
            txid: Txid::all_zeros(),
        }
    }

    /// Signs drafts in all threads, adds them to `signed`, and returns the coins that they make, in order.
    fn sign(
        &mut self,
        mut drafts: Vec<Draft>,
        signed: &mut Vec<(Transaction, Amount)>,
    ) -> Vec<Coin> {
        self.sign_all(&mut drafts);
        let mut coins = Vec::new();
        for draft in drafts {
            let transaction = self.number(draft.txid);
            let made = draft.made.iter().zip(0..);
            coins.extend(made.map(|((key, value), vout)| Coin {
                value: *value,
                transaction,
                vout,
                key: *key,
            }));
            signed.push((draft.transaction, draft.fee));
        }
        coins
    }

    fn sign_all(&self, drafts: &mut [Draft]) {
        let work = Mutex::new(drafts.chunks_mut(BATCH));
        let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            while let Some(batch) = next() {
                for draft in batch {
                    draft.sign(&self.keyring);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.get() {
                scope.spawn(run);
            }
            run();
        });
    }

    fn number(&mut self, txid: Txid) -> u32 {
        self.txids.push(txid);
        self.txids.len() as u32 - 1
    }
}

impl Draft {
    fn sign(&mut self, keyring: &Keyring) {
        let coins: Vec<_> = self
            .spent
            .iter()
            .map(|coin| (usize::from(coin.key), Amount::from_sat(coin.value)))
            .collect();
        keyring.sign(&mut self.transaction, &coins, None);
        self.txid = self.transaction.compute_txid();
    }
}

/// Signs a sample to see.
fn cost(keyring: &Keyring, key: usize) -> Cost {
    let mut sample = Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn::default()],
        output: vec![TxOut::NULL],
    };
    let before = sample.weight().to_wu();
    keyring.sign(&mut sample, &[(key, Amount::ONE_SAT)], None);
    let weight = (sample.weight().to_wu() - before) as usize + 1;
    // Two of three keys sign, the first and the last: the second is tried in vain.
    let (ecdsa, schnorr, commitments) = match keyring.key(key).kind {
        ScriptKind::WitnessMultisig => (3, 0, 0),
        ScriptKind::TaprootKey => (0, 1, 0),
        ScriptKind::TaprootInscription => (0, 1, 1),
        _ => (1, 0, 0),
    };
    Cost {
        weight,
        ecdsa,
        schnorr,
        commitments,
    }
}

/// A number by a table of how many of a thousand lie where.
fn draw(table: &[(u32, usize, usize)], rng: &mut impl Rng) -> usize {
    let mut die = rng.random_range(0..1_000);
    for (share, from, to) in table {
        if die < *share {
            return rng.random_range(*from..=*to);
        }
        die -= share;
    }
    1
}

/// Splits `total` at random into `count` values.
fn split(total: u64, count: u64, rng: &mut impl Rng) -> Vec<u64> {
    let mut left = total;
    let mut values = Vec::new();
    for others in (1..count).rev() {
        // Up to twice an even share, and as much as the others can do without.
        let most = left
            .saturating_sub(others * SMALLEST)
            .min(2 * left / (others + 1));
        let value = rng.random_range(SMALLEST.min(most)..=most);
        values.push(value);
        left -= value;
    }
    values.push(left);
    values
}

/// An output that cannot be spent, with up to 40 bytes in it.
fn data(rng: &mut impl Rng) -> TxOut {
    let mut bytes = [0; 40];
    rng.fill_bytes(&mut bytes);
    let length = rng.random_range(8..=bytes.len());
    let push: &bitcoin::script::PushBytes = (&bytes[..length])
        .try_into()
        .expect("what is pushed is short");
    TxOut {
        value: Amount::ZERO,
        script_pubkey: Builder::new()
            .push_opcode(OP_RETURN)
            .push_slice(push)
            .into_script(),
    }
}
