use std::collections::HashMap;

use bitcoin::absolute::LockTime;
use bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::build::{BlockBuilder, anyone_can_spend};
use crate::generate::wallet::{Coin, Place, Wallet};
use crate::generate::{Branch, ScriptKind};

/// What cases give each output that they make in order to spend it.
pub(super) const VALUE: Amount = Amount::from_sat(10_000);

/// The least that a coin must be worth to pay for those outputs.
const ENOUGH: Amount = Amount::from_sat(200_000);

/// A block on a branch's tip in the making, and the coins that it can spend.
pub(super) struct Maker<'a> {
    pub(super) branch: &'a Branch,
    pub(super) wallet: Wallet,
    pub(super) place: Place,
    pub(super) rng: &'a mut ChaCha8Rng,
    /// A coinbase's output that can be spent from this block on and could not before.
    pub(super) just_mature: Option<Coin>,
    transactions: Vec<(Transaction, Amount)>,
    /// What the transactions spend and make.
    outputs: HashMap<OutPoint, TxOut>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(branch: &'a Branch, rng: &'a mut ChaCha8Rng) -> Self {
        let place = branch.place();
        let mut wallet = branch.wallet.clone();
        let oldest = wallet.immature.front().copied();
        wallet.mature(place.height);
        Self {
            just_mature: oldest.filter(|coin| coin.place.height + 100 == place.height),
            branch,
            wallet,
            place,
            rng,
            transactions: Vec::new(),
            outputs: HashMap::new(),
        }
    }

    /// Takes a coin that is as wanted, a random one of several.
    pub(super) fn coin(&mut self, wanted: impl Fn(&Coin, ScriptKind) -> bool) -> Option<Coin> {
        let keyring = &self.wallet.keyring;
        let fits = |coin: &Coin| {
            let kind = keyring.key(coin.key).kind;
            self.place.height - coin.place.height >= kind.min_age() && wanted(coin, kind)
        };
        let coins = self.wallet.coins.iter().enumerate();
        let fitting: Vec<usize> = coins.filter(|(_, c)| fits(c)).map(|(at, _)| at).collect();
        if fitting.is_empty() {
            return None;
        }
        let at = fitting[self.rng.random_range(0..fitting.len())];
        Some(self.wallet.coins.swap_remove(at))
    }

    /// Takes a coin of a kind that makes no demands on lock times.
    pub(super) fn free_coin(&mut self, wanted: impl Fn(&Coin) -> bool) -> Option<Coin> {
        self.coin(|coin, kind| {
            !matches!(kind, ScriptKind::LockTime | ScriptKind::RelativeLock) && wanted(coin)
        })
    }

    /// An output script of the wallet whose signature checks do not count.
    pub(super) fn change_script(&self) -> ScriptBuf {
        let keyring = &self.wallet.keyring;
        let keys = (0..keyring.len()).map(|key| keyring.key(key));
        let script = keys
            .filter(|key| key.kind == ScriptKind::TaprootKey)
            .map(|key| key.script.clone())
            .next();
        script.unwrap_or_else(anyone_can_spend)
    }

    /// A transaction that spends coins of the wallet, signed. The fee is what is left over.
    pub(super) fn spend_coins(
        &self,
        coins: &[Coin],
        output: Vec<TxOut>,
        edit: impl FnOnce(&mut Transaction),
    ) -> Transaction {
        let mut tx = spending(coins.iter().map(|coin| coin.outpoint), output);
        for (coin, input) in coins.iter().zip(&mut tx.input) {
            match self.wallet.keyring.key(coin.key).kind {
                ScriptKind::LockTime => {
                    input.sequence = Sequence::ZERO;
                    tx.lock_time = LockTime::from_consensus(self.place.height - 1);
                }
                ScriptKind::RelativeLock => {
                    input.sequence = crate::generate::wallet::blocks_between(coin, self.place);
                }
                _ => {}
            }
        }
        edit(&mut tx);
        let signing: Vec<_> = coins.iter().map(|coin| (coin.key, coin.value)).collect();
        self.wallet.keyring.sign(&mut tx, &signing, None);
        tx
    }

    /// Pays `scripts`, [`VALUE`] each, in a transaction of the block; returns the outputs.
    ///
    /// The cost of its signature checks is a multiple of four.
    pub(super) fn pay(&mut self, scripts: &[ScriptBuf]) -> Option<Vec<OutPoint>> {
        let coin = self.coin(|coin, kind| {
            let old_or_taproot = matches!(
                kind,
                ScriptKind::Pubkey
                    | ScriptKind::PubkeyHash
                    | ScriptKind::Multisig
                    | ScriptKind::ScriptHashMultisig
                    | ScriptKind::TaprootKey
                    | ScriptKind::TaprootScript
                    | ScriptKind::TaprootMultisig
            );
            old_or_taproot && coin.value >= ENOUGH
        })?;
        let mut output: Vec<TxOut> = scripts.iter().map(|s| out(VALUE, s.clone())).collect();
        let fee = Amount::from_sat(1_000);
        let change = coin.value - VALUE * scripts.len() as u64 - fee;
        output.push(out(change, self.change_script()));
        let tx = self.spend_coins(&[coin], output, |_| {});
        let guard = self.wallet.keyring.key(coin.key).script.clone();
        self.outputs.insert(coin.outpoint, out(coin.value, guard));
        let txid = tx.compute_txid();
        self.add(tx, fee);
        Some(
            (0..scripts.len() as u32)
                .map(|vout| OutPoint { txid, vout })
                .collect(),
        )
    }

    /// Pays one script.
    pub(super) fn pay_one(&mut self, script: ScriptBuf) -> Option<OutPoint> {
        self.pay(&[script])?.pop()
    }

    /// A coin of the wallet of this kind: an old one or, where its age does not matter, one made for it in this block.
    pub(super) fn coin_of(&mut self, kind: ScriptKind) -> Option<Coin> {
        if let Some(coin) = self.coin(|coin, is| is == kind && coin.value >= VALUE) {
            return Some(coin);
        }
        if kind.min_age() > 0 {
            return None;
        }
        let keyring = &self.wallet.keyring;
        let key = (0..keyring.len()).find(|key| keyring.key(*key).kind == kind)?;
        let outpoint = self.pay_one(keyring.key(key).script.clone())?;
        Some(Coin {
            outpoint,
            value: VALUE,
            key,
            place: self.place,
        })
    }

    /// Adds a transaction that pays `fee`.
    pub(super) fn add(&mut self, tx: Transaction, fee: Amount) {
        let txid = tx.compute_txid();
        for (vout, output) in (0..).zip(&tx.output) {
            self.outputs.insert(OutPoint { txid, vout }, output.clone());
        }
        self.transactions.push((tx, fee));
    }

    /// A block on the tip with the transactions so far.
    pub(super) fn builder(&self) -> BlockBuilder {
        let scripts = vec![self.change_script(), self.change_script()];
        let builder = self.branch.builder().coinbase_to(scripts);
        self.transactions
            .iter()
            .fold(builder, |builder, (tx, fee)| {
                builder.transaction(tx.clone(), *fee)
            })
    }

    pub(super) fn block(&self) -> Option<Block> {
        Some(self.builder().build())
    }

    /// The block with one more transaction.
    pub(super) fn block_with(&mut self, tx: Transaction, fee: Amount) -> Option<Block> {
        self.add(tx, fee);
        self.block()
    }

    /// What the signature checks of the transactions so far cost.
    pub(super) fn sigop_cost(&self) -> usize {
        let spent = |outpoint: &OutPoint| self.outputs.get(outpoint).cloned();
        let costs = self.transactions.iter();
        costs.map(|(tx, _)| tx.total_sigop_cost(spent)).sum()
    }
}

pub(super) fn out(value: Amount, script_pubkey: ScriptBuf) -> TxOut {
    TxOut {
        value,
        script_pubkey,
    }
}

/// An unsigned transaction.
pub(super) fn spending(
    outpoints: impl IntoIterator<Item = OutPoint>,
    output: Vec<TxOut>,
) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: outpoints
            .into_iter()
            .map(|previous_output| TxIn {
                previous_output,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            })
            .collect(),
        output,
    }
}

/// An unsigned transaction that passes the value of an output of [`Maker::pay`] on.
pub(super) fn passing_on(outpoint: OutPoint) -> Transaction {
    spending([outpoint], vec![out(VALUE, anyone_can_spend())])
}
