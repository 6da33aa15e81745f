//! Small blocks made of bytes, connected and disconnected, and held against a map that anybody understands. For tests and
//! for the fuzz target `connect`.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bitcoin::absolute::LockTime;
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};
use tipward_coins::{CoinCache, CoinsDb, Older, OutPointKey, SpentCoins, undo};
use tipward_consensus::{BlockContext, check_block};
use tipward_primitives::{BlockHash, Height, Network, Params, RawBlock, Txid};

use crate::FoundCoin;
use crate::connect::apply;
use crate::connect::coins_ahead::{AT_ONCE, CoinsAhead};
use crate::connect::rules::{self, Refusal};
use crate::prepared::{PreparedBlock, outpoint_key};

type Map = BTreeMap<OutPointKey, FoundCoin>;

/// Blocks are so far apart that a coinbase can be spent from the third block after it on.
const STRIDE: Height = 40;

/// Writes to the store among the steps of a run: one takes longer than most steps. Later ones are left out. Each run ends
/// with two more.
const MOST_WRITES: usize = 8;

/// Coins are looked up ahead in what was there so many blocks ago at the most.
const MOST_OLDER: usize = 12;

/// The parts of the connect stage that change coins, over a store of their own.
pub struct Bench {
    params: Params,
    db: CoinsDb,
    coins: CoinCache,
    on_disk: BlockHash,
    older: VecDeque<Older>,
    /// What the coins should be.
    map: Map,
    chain: Vec<Connected>,
    /// Makes the coinbases of all runs differ.
    serial: u64,
}

struct Connected {
    prepared: PreparedBlock,
    undo: Vec<u8>,
    before: Map,
}

/// The bytes that decide, and then zeros.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        let choice = self.0.next().copied().unwrap_or(0);
        usize::from(choice) % end.max(1)
    }

    fn more(&self) -> bool {
        !self.0.as_slice().is_empty()
    }
}

impl Bench {
    /// A bench whose store is in this empty folder.
    ///
    /// # Panics
    /// If there can be no store.
    pub fn new(dir: &Path) -> Self {
        let db = CoinsDb::open(dir).expect("a new store");
        Self {
            params: Params::new(Network::Regtest),
            coins: CoinCache::new(db.clone(), 64 << 20),
            db,
            on_disk: BlockHash::all_zeros(),
            older: VecDeque::new(),
            map: Map::new(),
            chain: Vec::new(),
            serial: 0,
        }
    }

    /// Does what the bytes say, and then takes everything back.
    ///
    /// # Panics
    /// If the coins are not what they should be.
    pub fn run(&mut self, bytes: &[u8]) {
        let mut choices = Choices(bytes.iter());
        let mut writes = 0;
        while choices.more() {
            match choices.below(8) {
                0 if writes < MOST_WRITES => {
                    writes += 1;
                    self.flush();
                }
                0 => {}
                1 => self.disconnect(),
                _ => self.connect(&mut choices),
            }
            self.compare_one(choices.below(256));
        }
        self.compare_all();
        while !self.chain.is_empty() {
            self.disconnect();
        }
        assert!(self.map.is_empty());
        self.compare_all();
    }

    fn connect(&mut self, choices: &mut Choices<'_>) {
        let height = self.next_height();
        let block = self.block(height, choices);
        let context = BlockContext::new(&self.params, block.header, height, 0);
        let raw = RawBlock::new(serialize(&block).into()).expect("it has a header");
        let Ok(checked) = check_block(&context, raw) else {
            return;
        };
        let prepared = PreparedBlock::new(checked, self.coins.hasher());
        let wanted = self.naive(&block, height, context.subsidy);
        let ahead = self.look_up_ahead(&prepared, choices);
        let judged = rules::judge(&prepared, &ahead, &context, &self.coins, |_| 0);
        match (judged, wanted) {
            (Ok(spent), Ok(after)) => {
                apply::connect(&prepared, &mut self.coins);
                let undo = undo::encode(prepared.inputs_per_transaction(), &spent);
                let before = std::mem::replace(&mut self.map, after);
                self.chain.push(Connected {
                    prepared,
                    undo,
                    before,
                });
            }
            (Err(Refusal::Reject(reject)), Err(reason)) => assert_eq!(reject.reason, reason),
            (judged, wanted) => {
                panic!(
                    "{:?}, but {:?}",
                    judged.map(|s| s.len()),
                    wanted.map(|_| ())
                )
            }
        }
    }

    /// Coins of some of the block's inputs, looked up in what was below the newest coins some blocks ago, or is now.
    fn look_up_ahead(&mut self, prepared: &PreparedBlock, choices: &mut Choices<'_>) -> CoinsAhead {
        self.older.push_back(self.coins.older());
        if self.older.len() > MOST_OLDER {
            self.older.pop_front();
        }
        let from = &self.older[choices.below(self.older.len())];
        let hashes = prepared.keys().inputs();
        let mut ahead = CoinsAhead::of_block(prepared);
        let inputs: Vec<u32> = (1..hashes.len() as u32)
            .filter(|_| choices.below(4) < 3)
            .collect();
        for inputs in inputs.chunks(AT_ONCE) {
            let key = |input: &u32| {
                let number = *input as usize;
                let input = prepared.block().parsed().input(number);
                (
                    hashes[number],
                    *input.expect("it is there").outpoint_bytes(),
                )
            };
            let keys: Vec<_> = inputs.iter().map(key).collect();
            let found = from.fetch_all(&keys).expect("the store works");
            ahead.take_in(inputs, found);
        }
        ahead
    }

    fn disconnect(&mut self) {
        let Some(last) = self.chain.pop() else {
            return;
        };
        let (counts, spent) = undo::decode(&last.undo).expect("what was encoded");
        assert!(last.prepared.inputs_per_transaction().eq(counts));
        apply::check_outputs_are_there(&last.prepared, &self.coins).expect("all are there");
        apply::disconnect(&last.prepared, &spent, &mut self.coins);
        self.map = last.before;
    }

    fn flush(&mut self) {
        let frozen = self.coins.freeze();
        self.serial += 1;
        let mut hash = [0xff; 32];
        hash[..8].copy_from_slice(&self.serial.to_le_bytes());
        let to = BlockHash::from_byte_array(hash);
        let go_on = AtomicBool::new(false);
        let written = self.db.write(&frozen, self.on_disk, to, &go_on);
        written.expect("the store works");
        self.on_disk = to;
        self.coins.thaw_done();
    }

    fn next_height(&self) -> Height {
        (self.chain.len() as Height + 1) * STRIDE
    }

    /// A block that may or may not be valid.
    fn block(&mut self, height: Height, choices: &mut Choices<'_>) -> Block {
        self.serial += 1;
        let mut made: Vec<(OutPoint, u64)> = Vec::new();
        let mut transactions = Vec::new();
        for _ in 0..choices.below(5) {
            let mut value_in = 0;
            let mut input = Vec::new();
            for _ in 0..=choices.below(3) {
                let (outpoint, value) = self.pick(&made, choices);
                value_in += value;
                input.push(spend(outpoint, ScriptBuf::new()));
            }
            // Now and then more than there is.
            let total = value_in / 256 * choices.below(258) as u64;
            let outputs = 1 + choices.below(3) as u64;
            let output = (0..outputs)
                .map(|_| TxOut {
                    value: Amount::from_sat(total / outputs),
                    script_pubkey: script(choices),
                })
                .collect();
            let tx = of(input, output);
            let txid = tx.compute_txid();
            for (vout, output) in (0..).zip(&tx.output) {
                made.push((OutPoint { txid, vout }, output.value.to_sat()));
            }
            transactions.push(tx);
        }
        // Two transactions may change places, so that one spends what comes later.
        if transactions.len() > 1 && choices.below(8) == 7 {
            transactions.swap(0, 1);
        }
        let coinbase = Builder::new()
            .push_int(i64::from(height))
            .push_slice(self.serial.to_le_bytes())
            .into_script();
        let most = tipward_consensus::connect::subsidy(&self.params, height);
        let value = most + u64::from(choices.below(16) == 15);
        let output = TxOut {
            value: Amount::from_sat(value),
            script_pubkey: script(choices),
        };
        let input = spend(OutPoint::null(), coinbase);
        let mut txdata = vec![of(vec![input], vec![output])];
        txdata.extend(transactions);
        let mut block = Block {
            header: self.params.genesis.header,
            txdata,
        };
        block.header.merkle_root = block.compute_merkle_root().expect("a coinbase");
        block
    }

    /// An outpoint to spend: mostly of a coin that there is.
    fn pick(&self, made: &[(OutPoint, u64)], choices: &mut Choices<'_>) -> (OutPoint, u64) {
        let kind = choices.below(8);
        if kind < 3
            && let Some(own) = made.get(choices.below(made.len()))
        {
            return *own;
        }
        if kind < 7
            && let Some((key, coin)) = self.map.iter().nth(choices.below(self.map.len()))
        {
            return (outpoint(key), coin.value);
        }
        let gone = Txid::from_byte_array([choices.below(256) as u8; 32]);
        (OutPoint::new(gone, 0), 1000)
    }

    /// The coins after the block, or the reason why it is not valid, by the plainest of rules.
    fn naive(&self, block: &Block, height: Height, subsidy: u64) -> Result<Map, &'static str> {
        let mut map = self.map.clone();
        let mut fees = 0;
        for tx in &block.txdata {
            let out: u64 = tx.output.iter().map(|output| output.value.to_sat()).sum();
            if !tx.is_coinbase() {
                let mut spent = Vec::new();
                for input in &tx.input {
                    let key = key_of(&input.previous_output);
                    spent.push(map.remove(&key).ok_or("bad-txns-inputs-missingorspent")?);
                }
                if spent.iter().any(|c| c.coinbase && c.height + 100 > height) {
                    return Err("bad-txns-premature-spend-of-coinbase");
                }
                let value: u64 = spent.iter().map(|coin| coin.value).sum();
                fees += value.checked_sub(out).ok_or("bad-txns-in-belowout")?;
            }
            let txid = tx.compute_txid();
            for (vout, output) in (0..).zip(&tx.output) {
                let script = output.script_pubkey.to_bytes();
                if output.script_pubkey.is_op_return() || script.len() > 10_000 {
                    continue;
                }
                let coin = FoundCoin {
                    height,
                    coinbase: tx.is_coinbase(),
                    value: output.value.to_sat(),
                    script,
                };
                map.insert(key_of(&OutPoint { txid, vout }), coin);
            }
        }
        let paid = block.txdata[0].output[0].value.to_sat();
        if paid > subsidy + fees {
            return Err("bad-cb-amount");
        }
        Ok(map)
    }

    fn compare_one(&mut self, number: usize) {
        let Some((key, coin)) = self.map.iter().nth(number) else {
            return;
        };
        let mut found = SpentCoins::new();
        let there = self.coins.fetch(key, &mut found).expect("the store works");
        assert!(there);
        assert_eq!(found.get(0).map(own), Some(coin.clone()));
    }

    fn compare_all(&mut self) {
        self.flush();
        let mut found = Map::new();
        let snapshot = self.db.snapshot();
        let visited = snapshot.for_each(&[0; 36], |key, coin| {
            found.insert(*key, own(coin));
            ControlFlow::Continue(())
        });
        visited.expect("the store works");
        assert_eq!(found, self.map);
    }
}

fn own(coin: tipward_coins::Coin<'_>) -> FoundCoin {
    FoundCoin {
        height: coin.height,
        coinbase: coin.coinbase,
        value: coin.value,
        script: coin.script.to_vec(),
    }
}

fn of(input: Vec<TxIn>, output: Vec<TxOut>) -> Transaction {
    Transaction {
        version: transaction::Version::ONE,
        lock_time: LockTime::ZERO,
        input,
        output,
    }
}

fn spend(previous_output: OutPoint, script_sig: ScriptBuf) -> TxIn {
    TxIn {
        previous_output,
        script_sig,
        sequence: Sequence::MAX,
        witness: Witness::new(),
    }
}

fn script(choices: &mut Choices<'_>) -> ScriptBuf {
    match choices.below(8) {
        0 => Builder::new().push_opcode(OP_RETURN).into_script(),
        1 => ScriptBuf::from_bytes(vec![0; 9_999 + choices.below(4)]),
        len => ScriptBuf::from_bytes(vec![0x51; len]),
    }
}

fn key_of(outpoint: &OutPoint) -> OutPointKey {
    outpoint_key(outpoint.txid, outpoint.vout as usize)
}

fn outpoint(key: &OutPointKey) -> OutPoint {
    bitcoin::consensus::deserialize(key).expect("36 bytes")
}
