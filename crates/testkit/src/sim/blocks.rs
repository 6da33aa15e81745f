//! The blocks that exist in a simulated world: one tree that all peers hold parts of.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;
use tipward_primitives::{BlockHash, Header, Height, Network, Params, RawBlock, Timestamp};

use crate::build::BlockBuilder;

/// Number of a block in its [`Blocks`]; 0 is the genesis block.
pub type BlockId = usize;

/// One block.
#[derive(Clone, Debug)]
pub struct SimBlock {
    /// Its hash.
    pub hash: BlockHash,
    /// Its header.
    pub header: Header,
    /// All of it.
    pub raw: RawBlock,
    /// The block before it.
    pub parent: BlockId,
    /// Its height.
    pub height: Height,
}

/// A tree of regtest blocks, all of them with valid headers and bodies.
#[derive(Debug)]
pub struct Blocks {
    params: Arc<Params>,
    blocks: Vec<SimBlock>,
    by_hash: HashMap<BlockHash, BlockId>,
    /// Those that cannot be connected.
    invalid: HashSet<BlockId>,
    required: Height,
}

impl Blocks {
    /// The genesis block alone.
    pub fn new() -> Self {
        let params = Params::new(Network::Regtest);
        let genesis = SimBlock {
            hash: params.genesis_hash,
            header: params.genesis.header,
            raw: crate::build::to_raw(&params.genesis),
            parent: 0,
            height: 0,
        };
        Self {
            by_hash: HashMap::from([(genesis.hash, 0)]),
            params: Arc::new(params),
            blocks: vec![genesis],
            invalid: HashSet::new(),
            required: 0,
        }
    }

    /// The network's parameters.
    pub fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Height below which no chain is worth fetching.
    pub fn required_height(&self) -> Height {
        self.required
    }

    /// Makes the work of the chain up to `tip` the network's minimum.
    pub fn require_work_of(&mut self, tip: BlockId) {
        let mut work = self.blocks[0].header.work();
        for _ in 0..self.blocks[tip].height {
            work = work + self.blocks[0].header.work();
        }
        self.required = self.blocks[tip].height;
        Arc::make_mut(&mut self.params).minimum_chain_work = work;
    }

    /// Mines `count` blocks on top of `on` and returns the last. Sizes are random up to `largest` bytes of padding.
    pub fn extend(
        &mut self,
        on: BlockId,
        count: usize,
        largest: usize,
        rng: &mut ChaCha12Rng,
    ) -> BlockId {
        let mut tip = on;
        for _ in 0..count {
            let parent = &self.blocks[tip];
            let raw =
                BlockBuilder::on_hash(&self.params, &parent.header, parent.hash, parent.height)
                    .extra_nonce(rng.random())
                    .coinbase_padding(rng.random_range(0..=largest))
                    .build_raw();
            let block = SimBlock {
                hash: raw.block_hash(),
                header: raw.header(),
                height: parent.height + 1,
                parent: tip,
                raw,
            };
            tip = self.blocks.len();
            self.by_hash.insert(block.hash, tip);
            self.blocks.push(block);
        }
        tip
    }

    /// Makes a block one that breaks a rule when it is connected: its script fails, say.
    pub fn spoil(&mut self, id: BlockId) {
        self.invalid.insert(id);
    }

    /// Whether the block itself cannot be connected.
    pub fn is_invalid(&self, id: BlockId) -> bool {
        self.invalid.contains(&id)
    }

    /// A block.
    pub fn get(&self, id: BlockId) -> &SimBlock {
        &self.blocks[id]
    }

    /// The block with this hash.
    pub fn find(&self, hash: &BlockHash) -> Option<BlockId> {
        self.by_hash.get(hash).copied()
    }

    /// The ancestor of `id` at `height`.
    pub fn ancestor(&self, id: BlockId, height: Height) -> BlockId {
        let mut at = id;
        while self.blocks[at].height > height {
            at = self.blocks[at].parent;
        }
        at
    }

    /// Whether `ancestor` is `of` or lies before it.
    pub fn is_ancestor(&self, ancestor: BlockId, of: BlockId) -> bool {
        self.ancestor(of, self.blocks[ancestor].height) == ancestor
    }

    /// The last block that the chains up to `a` and `b` have in common.
    pub fn last_common(&self, mut a: BlockId, mut b: BlockId) -> BlockId {
        while a != b {
            if self.blocks[a].height >= self.blocks[b].height {
                a = self.blocks[a].parent;
            } else {
                b = self.blocks[b].parent;
            }
        }
        a
    }

    /// The blocks after `from`, an ancestor of `to`, up to `to`.
    pub fn way(&self, from: BlockId, to: BlockId) -> Vec<BlockId> {
        let mut way = Vec::new();
        let mut at = to;
        while at != from {
            way.push(at);
            at = self.blocks[at].parent;
        }
        way.reverse();
        way
    }

    /// The answer to `getheaders` of a peer whose tip is `tip`.
    pub fn headers_after(
        &self,
        tip: BlockId,
        locator: &[BlockHash],
        stop: BlockHash,
        most: usize,
    ) -> Vec<Header> {
        let fork = locator
            .iter()
            .filter_map(|hash| self.find(hash))
            .find(|id| self.is_ancestor(*id, tip))
            .unwrap_or(0);
        let mut headers = Vec::new();
        for id in self.way(fork, tip).into_iter().take(most) {
            headers.push(self.blocks[id].header);
            if stop != BlockHash::all_zeros() && self.blocks[id].hash == stop {
                break;
            }
        }
        headers
    }

    /// Size of the largest block in bytes.
    pub fn largest(&self) -> usize {
        self.blocks.iter().map(|b| b.raw.size()).max().unwrap_or(0)
    }

    /// A time at which all blocks up to `tip` are in the past, by `seconds`.
    pub fn time_after(&self, tip: BlockId, seconds: u64) -> Timestamp {
        Timestamp::from_secs(u64::from(self.blocks[tip].header.time) + seconds)
    }
}

impl Default for Blocks {
    fn default() -> Self {
        Self::new()
    }
}
