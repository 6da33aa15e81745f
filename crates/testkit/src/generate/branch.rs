use std::collections::VecDeque;
use std::sync::Arc;

use bitcoin::{Block, Transaction};
use rand::{Rng, RngExt as _};
use tipward_primitives::{BlockHash, Header, Height, Params};

use super::wallet::{Place, Wallet};
use super::{ChainOptions, Padding};
use crate::build::BlockBuilder;

/// As far as a block can be filled up: some room is left for what the estimate does not see.
pub(super) const MOST_WEIGHT: usize = 3_990_000;

/// Weight of a block's header, count of transactions, and coinbase without padding, generously.
const FIXED_WEIGHT: usize = 4 * 400;

/// Transactions are signed in so many steps a block: those of a later step may spend what those of an earlier one make.
const STEPS: u32 = 8;

/// A tip, and all that is needed to mine on it: the times of the blocks before it and the coins that there are.
///
/// A clone is a fork.
#[derive(Clone, Debug)]
pub struct Branch {
    params: Arc<Params>,
    tip: Header,
    tip_hash: BlockHash,
    height: Height,
    /// Of the last eleven blocks.
    times: VecDeque<u32>,
    pub(crate) wallet: Wallet,
    /// The last transaction of the chain, no coinbase, that the wallet had a coin of when it came.
    pub(crate) last_transaction: Option<Transaction>,
    /// Tells the coinbases of branches apart.
    number: u64,
}

impl Branch {
    /// The genesis block, and a wallet whose keys follow from the seed and the kinds of scripts.
    pub fn new(params: Arc<Params>, options: &ChainOptions) -> Self {
        Self {
            tip: Header {
                time: options.first_time - params.pow_target_spacing,
                ..params.genesis.header
            },
            tip_hash: params.genesis_hash,
            height: 0,
            times: VecDeque::from([params.genesis.header.time]),
            wallet: Wallet::new(options.seed, &options.scripts),
            last_transaction: None,
            number: 0,
            params,
        }
    }

    /// The network's parameters.
    pub fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Height of the tip.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Hash of the tip.
    pub fn tip_hash(&self) -> BlockHash {
        self.tip_hash
    }

    /// Median time past of the tip, in seconds: the next block's time must lie after it.
    pub fn median_time_past(&self) -> u32 {
        let mut times: Vec<u32> = self.times.iter().copied().collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// Tells this branch's blocks apart from those of another with the same tip.
    pub fn set_number(&mut self, number: u64) {
        self.number = number;
    }

    /// The number that was set; 0 at first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// A block on the tip that has nothing but a coinbase yet.
    pub fn builder(&self) -> BlockBuilder {
        let time = self.tip.time + self.params.pow_target_spacing;
        BlockBuilder::on_hash(&self.params, &self.tip, self.tip_hash, self.height)
            .time(time.max(self.median_time_past() + 1))
            .extra_nonce(self.number)
    }

    /// Where transactions of the next block stand.
    pub(crate) fn place(&self) -> Place {
        Place {
            height: self.height + 1,
            median_time: self.median_time_past(),
        }
    }

    /// Mines a block of transactions as `options` want them. The same random numbers give the same block.
    pub fn mine(&mut self, options: &ChainOptions, rng: &mut impl Rng) -> Block {
        let place = self.place();
        self.wallet.mature(place.height);

        let mut weight = FIXED_WEIGHT + 4 * 40 * options.coinbase_outputs as usize;
        let most = match options.weight {
            0 => MOST_WEIGHT,
            weight => weight,
        };
        let wanted = rng.random_range(options.transactions.clone());
        let mut spends = Vec::new();
        'block: while spends.len() < wanted as usize {
            let step = (wanted / STEPS).max(1).min(wanted - spends.len() as u32);
            let mut next: Vec<_> = (0..step)
                .map_while(|_| self.wallet.spend(place, wanted, rng))
                .collect();
            if next.is_empty() {
                break;
            }
            self.wallet.sign_all(&mut next);
            let mut next = next.into_iter();
            while let Some(spend) = next.next() {
                let more = spend.transaction.weight().to_wu() as usize;
                if weight + more > most {
                    self.wallet.give_back(spend);
                    next.for_each(|spend| self.wallet.give_back(spend));
                    break 'block;
                }
                weight += more;
                self.wallet.receive(&spend.transaction, place);
                spends.push(spend);
            }
        }
        let mut padding = match options.padding {
            Padding::Nothing => 0,
            Padding::Output | Padding::Witness => options.weight.saturating_sub(weight),
        };
        if options.padding == Padding::Witness && padding > 0 {
            let annexed = spends
                .iter_mut()
                .any(|spend| self.wallet.add_annex(spend, padding));
            if annexed {
                padding = 0;
            }
        }

        let scripts = (0..options.coinbase_outputs.max(1))
            .map(|_| self.wallet.new_script(rng))
            .collect();
        let mut builder = self
            .builder()
            .coinbase_to(scripts)
            .coinbase_padding(padding / 4);
        for spend in spends {
            builder = builder.transaction(spend.transaction, spend.fee);
        }
        let block = builder.build();
        self.wallet.receive_coinbase(&block.txdata[0], place);
        self.advance(&block);
        block
    }

    /// Takes in a block on the tip that was made otherwise than by [`Branch::mine`].
    pub fn accept(&mut self, block: &Block) {
        assert_eq!(block.header.prev_blockhash, self.tip_hash);
        let place = self.place();
        self.wallet.mature(place.height);
        self.wallet.apply(block, place);
        self.advance(block);
    }

    fn advance(&mut self, block: &Block) {
        let header = &block.header;
        let unspent = |tx: &&Transaction| {
            let txid = tx.compute_txid();
            let mut coins = self.wallet.coins.iter().rev();
            coins.any(|coin| coin.outpoint.txid == txid)
        };
        if let Some(last) = block.txdata[1..].iter().rfind(unspent) {
            self.last_transaction = Some(last.clone());
        }
        self.tip = *header;
        self.tip_hash = header.block_hash();
        self.height += 1;
        self.times.push_back(header.time);
        if self.times.len() > 11 {
            self.times.pop_front();
        }
    }
}
