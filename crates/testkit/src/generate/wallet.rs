//! Coins, the keys that guard them, and transactions that spend them.

use std::collections::VecDeque;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::key::{Keypair, TapTweak as _, TweakedKeypair};
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::secp256k1::{All, Message, PublicKey, Secp256k1, SecretKey};
use bitcoin::sighash::{Annex, EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::{
    Amount, OutPoint, PubkeyHash, ScriptBuf, Sequence, Transaction, TxIn, TxOut, WPubkeyHash,
    Witness, ecdsa, taproot, transaction,
};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tipward_primitives::Height;

/// Keys are made once and used again and again: making one costs as much as a signature.
const KEYS: usize = 12;

/// Blocks that must lie between a coinbase and its spending.
const COINBASE_MATURITY: Height = 100;

/// Coins below this, in satoshi, are not worth another transaction.
const SMALLEST_COIN: u64 = 2_000;

/// Fees, in satoshi, lie between these.
const FEES: std::ops::RangeInclusive<u64> = 150..=1_000;

/// So many coins for each transaction of a block are enough: then spending makes no more of them.
const COINS_PER_TRANSACTION: usize = 8;

/// How a coin is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    PubkeyHash,
    WitnessPubkeyHash,
    Taproot,
}

#[derive(Debug)]
struct Key {
    guard: Guard,
    secret: SecretKey,
    public: PublicKey,
    tweaked: TweakedKeypair,
    script: ScriptBuf,
}

impl Key {
    fn new(secp: &Secp256k1<All>, secret: SecretKey, guard: Guard) -> Self {
        let keypair = Keypair::from_secret_key(secp, &secret);
        let public = keypair.public_key();
        let tweaked = keypair.tap_tweak(secp, None);
        let script = match guard {
            Guard::PubkeyHash => ScriptBuf::new_p2pkh(&PubkeyHash::hash(&public.serialize())),
            Guard::WitnessPubkeyHash => {
                ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(&public.serialize()))
            }
            Guard::Taproot => {
                let (output_key, _) = tweaked.public_parts();
                ScriptBuf::new_p2tr_tweaked(output_key)
            }
        };
        Self {
            guard,
            secret,
            public,
            tweaked,
            script,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Coin {
    outpoint: OutPoint,
    value: Amount,
    key: usize,
    height: Height,
}

/// A signed transaction and what it took.
#[derive(Debug)]
pub(super) struct Spend {
    pub(super) transaction: Transaction,
    pub(super) fee: Amount,
    coins: Vec<Coin>,
}

/// All unspent coins of a branch.
#[derive(Clone, Debug)]
pub(super) struct Wallet {
    secp: Arc<Secp256k1<All>>,
    keys: Arc<[Key]>,
    coins: Vec<Coin>,
    /// Outputs of coinbases that cannot be spent yet, oldest first.
    immature: VecDeque<Coin>,
}

impl Wallet {
    pub(super) fn new(seed: u64) -> Self {
        // Another stream than that of the chain itself.
        let mut rng = ChaCha8Rng::seed_from_u64(!seed);
        let secp = Secp256k1::new();
        let guards = [Guard::PubkeyHash, Guard::WitnessPubkeyHash, Guard::Taproot];
        let keys = (0..KEYS)
            .map(|index| Key::new(&secp, secret(&mut rng), guards[index % guards.len()]))
            .collect();
        Self {
            secp: Arc::new(secp),
            keys,
            coins: Vec::new(),
            immature: VecDeque::new(),
        }
    }

    /// A script that this wallet can spend from.
    pub(super) fn new_script(&self, rng: &mut impl Rng) -> ScriptBuf {
        self.keys[rng.random_range(0..KEYS)].script.clone()
    }

    /// Makes those coins spendable whose coinbase is old enough for a spend at `height`.
    pub(super) fn mature(&mut self, height: Height) {
        let old_enough = |coin: &Coin| coin.height + COINBASE_MATURITY <= height;
        let count = self.immature.partition_point(old_enough);
        self.coins.extend(self.immature.drain(..count));
    }

    pub(super) fn receive_coinbase(&mut self, coinbase: &Transaction, height: Height) {
        let coins = self.own_outputs(coinbase, height);
        self.immature.extend(coins);
    }

    /// Takes in what a transaction pays to this wallet.
    pub(super) fn receive(&mut self, spend: &Spend, height: Height) {
        let coins = self.own_outputs(&spend.transaction, height);
        self.coins.extend(coins);
    }

    /// Undoes a [`Wallet::spend`].
    pub(super) fn give_back(&mut self, spend: Spend) {
        self.coins.extend(spend.coins);
    }

    fn own_outputs(&self, tx: &Transaction, height: Height) -> Vec<Coin> {
        let txid = tx.compute_txid();
        let own = |(vout, output): (usize, &TxOut)| {
            let key = self
                .keys
                .iter()
                .position(|key| key.script == output.script_pubkey)?;
            (output.value.to_sat() >= SMALLEST_COIN).then_some(Coin {
                outpoint: OutPoint::new(txid, vout as u32),
                value: output.value,
                key,
                height,
            })
        };
        tx.output.iter().enumerate().filter_map(own).collect()
    }

    /// A signed transaction for the block at `height`, of which there will be about `transactions` in it; `None` if there
    /// is no coin left.
    pub(super) fn spend(
        &mut self,
        height: Height,
        transactions: u32,
        rng: &mut impl Rng,
    ) -> Option<Spend> {
        let plenty = self.coins.len() > COINS_PER_TRANSACTION * transactions as usize;
        let wanted = rng.random_range(1..=if plenty { 4 } else { 2 });
        let mut coins = Vec::new();
        while coins.len() < wanted && !self.coins.is_empty() {
            let index = rng.random_range(0..self.coins.len());
            coins.push(self.coins.swap_remove(index));
        }
        let total: Amount = coins.iter().map(|coin| coin.value).sum();
        if coins.is_empty() {
            return None;
        }

        let fee = Amount::from_sat(rng.random_range(FEES));
        let affordable = (total - fee).to_sat() / SMALLEST_COIN;
        let outputs = rng.random_range(if plenty { 1..=3 } else { 3..=8 });
        let output = self.outputs(total - fee, outputs.min(affordable).max(1), rng);

        let input = coins
            .iter()
            .map(|coin| TxIn {
                previous_output: coin.outpoint,
                script_sig: ScriptBuf::new(),
                sequence: sequence(height - coin.height, rng),
                witness: Witness::new(),
            })
            .collect();
        // Half of the transactions are locked to the height just reached, as wallets do against fee sniping.
        let lock_time = match rng.random_bool(0.5) {
            true => LockTime::from_consensus(height - 1),
            false => LockTime::ZERO,
        };
        let transaction = Transaction {
            version: transaction::Version::TWO,
            lock_time,
            input,
            output,
        };
        let mut spend = Spend {
            transaction,
            fee,
            coins,
        };
        self.sign(&mut spend, None);
        Some(spend)
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

    /// Gives a taproot input of the transaction an annex so that it weighs `weight` more; false if it has no such input.
    pub(super) fn add_annex(&self, spend: &mut Spend, weight: usize) -> bool {
        let taproot = |coin: &Coin| self.keys[coin.key].guard == Guard::Taproot;
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
        let prevouts: Vec<TxOut> = spend
            .coins
            .iter()
            .map(|coin| TxOut {
                value: coin.value,
                script_pubkey: self.keys[coin.key].script.clone(),
            })
            .collect();
        let mut signed = Vec::with_capacity(prevouts.len());
        let mut cache = SighashCache::new(&spend.transaction);
        for (index, coin) in spend.coins.iter().enumerate() {
            let annex = annex.filter(|(at, _)| *at == index).map(|(_, annex)| annex);
            signed.push(self.sign_input(&mut cache, &prevouts, index, coin, annex));
        }
        for (input, (script_sig, witness)) in spend.transaction.input.iter_mut().zip(signed) {
            input.script_sig = script_sig;
            input.witness = witness;
        }
    }

    fn sign_input(
        &self,
        cache: &mut SighashCache<&Transaction>,
        prevouts: &[TxOut],
        index: usize,
        coin: &Coin,
        annex: Option<&[u8]>,
    ) -> (ScriptBuf, Witness) {
        const OWN_INPUT: &str = "the input is one of the transaction's";
        let key = &self.keys[coin.key];
        match key.guard {
            Guard::PubkeyHash => {
                let all = EcdsaSighashType::All;
                let hash = cache
                    .legacy_signature_hash(index, &key.script, all.to_u32())
                    .expect(OWN_INPUT);
                let signature = self.ecdsa(key, Message::from_digest(hash.to_byte_array()));
                let signature = PushBytesBuf::try_from(signature.to_vec())
                    .expect("a signature is short enough to be pushed");
                let script_sig = Builder::new()
                    .push_slice(signature)
                    .push_slice(key.public.serialize())
                    .into_script();
                (script_sig, Witness::new())
            }
            Guard::WitnessPubkeyHash => {
                let all = EcdsaSighashType::All;
                let hash = cache
                    .p2wpkh_signature_hash(index, &key.script, coin.value, all)
                    .expect(OWN_INPUT);
                let signature = self.ecdsa(key, Message::from_digest(hash.to_byte_array()));
                (ScriptBuf::new(), Witness::p2wpkh(&signature, &key.public))
            }
            Guard::Taproot => {
                let committed =
                    annex.map(|annex| Annex::new(annex).expect("an annex begins with 0x50"));
                let sighash_type = TapSighashType::Default;
                let prevouts = Prevouts::All(prevouts);
                let hash = cache
                    .taproot_signature_hash(index, &prevouts, committed, None, sighash_type)
                    .expect(OWN_INPUT);
                let signature = self.secp.sign_schnorr_no_aux_rand(
                    &Message::from_digest(hash.to_byte_array()),
                    &key.tweaked.to_keypair(),
                );
                let mut witness = Witness::p2tr_key_spend(&taproot::Signature {
                    signature,
                    sighash_type,
                });
                if let Some(annex) = annex {
                    witness.push(annex);
                }
                (ScriptBuf::new(), witness)
            }
        }
    }

    fn ecdsa(&self, key: &Key, message: Message) -> ecdsa::Signature {
        ecdsa::Signature {
            signature: self.secp.sign_ecdsa(&message, &key.secret),
            sighash_type: EcdsaSighashType::All,
        }
    }
}

/// A sequence number for a coin that is `age` blocks old: final, replaceable, or a relative lock that is just or long over
/// (BIP68).
fn sequence(age: Height, rng: &mut impl Rng) -> Sequence {
    match rng.random_range(0..4) {
        0 => Sequence::MAX,
        1 => Sequence::ENABLE_RBF_NO_LOCKTIME,
        2 => Sequence::ENABLE_LOCKTIME_NO_RBF,
        _ => Sequence::from_height(u16::try_from(age).unwrap_or(u16::MAX)),
    }
}

fn secret(rng: &mut impl Rng) -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        // All but about one in 2^128 numbers are keys.
        if let Ok(secret) = SecretKey::from_slice(&bytes) {
            return secret;
        }
    }
}
