//! The chain of a race: real headers, and the sizes that mainnet's blocks have at these heights.

use std::collections::HashMap;
use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tipward_primitives::{BlockHash, Header, Height, Network, Params, Timestamp, Work};

/// Mainnet's size up to these heights in MB: about the height of each year's last block and the size of all blocks by then, read
/// from charts such as blockchain.com's "blocks-size" (256 GB at the end of 2019, 320 GB a year later, 432 GB in October 2022,
/// 534 GB in December 2023, 693 GB in October 2025; the last row goes on at that year's pace).
const MAINNET: [(Height, f64); 18] = [
    (0, 0.0),
    (32_000, 8.0),
    (100_000, 55.0),
    (160_000, 800.0),
    (215_000, 4_400.0),
    (278_000, 14_000.0),
    (337_000, 28_000.0),
    (391_000, 54_000.0),
    (446_000, 97_000.0),
    (502_000, 150_000.0),
    (556_000, 197_000.0),
    (611_000, 256_000.0),
    (664_000, 320_000.0),
    (717_000, 382_000.0),
    (770_000, 446_000.0),
    (824_000, 538_000.0),
    (877_000, 626_000.0),
    (930_000, 712_000.0),
];

/// First height at which a block may have more than a megabyte (segregated witness).
const SEGWIT: Height = 481_824;
/// Part of the blocks that hold nothing but their coinbase.
const EMPTY: f64 = 0.01;
/// Size of a block that holds nothing but its coinbase, in bytes.
const SMALLEST: f64 = 215.0;
/// Seconds between blocks.
const SPACING: u32 = 600;

/// Headers and sizes of all blocks. Headers are regtest's, so that they cost no work.
#[derive(Debug)]
pub struct Chain {
    params: Arc<Params>,
    headers: Vec<Header>,
    heights: HashMap<BlockHash, Height>,
    sizes: Vec<u32>,
    bytes: u64,
}

impl Chain {
    /// Mainnet's sizes, every `step`-th block of them: 1 for all 930,000.
    pub fn mainnet(step: Height) -> Self {
        let step = step.max(1);
        let sizes = mainnet_sizes(0).into_iter().step_by(step as usize);
        Self::new(sizes.collect())
    }

    /// Blocks of one size.
    pub fn uniform(blocks: Height, size: u32) -> Self {
        Self::new(vec![size; blocks as usize + 1])
    }

    /// What `tipward generate --shape mainnet` makes: blocks whose outputs ripen, some that split them into coins, so many full
    /// blocks, and 2,100 with nothing but a coinbase.
    pub fn shaped(full: usize) -> Self {
        let parts = [
            (1, 285),
            (100, 260),
            (42, 1_000_655),
            (full, 1_928_624),
            (2100, 262),
        ];
        let sizes = parts
            .into_iter()
            .flat_map(|(count, size)| vec![size; count]);
        let mut chain = Self::new(sizes.collect());
        // As on regtest, of which no work is known.
        Arc::make_mut(&mut chain.params).minimum_chain_work = Work::from_be_bytes([0; 32]);
        chain
    }

    /// Blocks of these sizes, the genesis block's at the front.
    fn new(sizes: Vec<u32>) -> Self {
        let mut params = Params::new(Network::Regtest);
        let genesis = params.genesis.header;
        let mut headers = vec![genesis];
        let mut hashes = vec![params.genesis_hash];
        let mut work = genesis.work();
        for height in 1..sizes.len() {
            let (header, hash) = mine(&headers[height - 1], hashes[height - 1], height);
            work = work + header.work();
            headers.push(header);
            hashes.push(hash);
        }
        // As on mainnet, nearly all of the work is known to exist.
        params.minimum_chain_work = work;
        let heights = hashes.iter().zip(0..).map(|(hash, i)| (*hash, i)).collect();
        Self {
            params: Arc::new(params),
            bytes: sizes.iter().skip(1).map(|size| u64::from(*size)).sum(),
            headers,
            heights,
            sizes,
        }
    }

    /// The network's parameters.
    pub fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Height of the last block.
    pub fn tip(&self) -> Height {
        (self.headers.len() - 1) as Height
    }

    /// Bytes of all blocks but the genesis block.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Size of the block at a height, in bytes.
    pub fn size(&self, height: Height) -> u32 {
        self.sizes[height as usize]
    }

    /// Header of the block at a height.
    pub fn header(&self, height: Height) -> &Header {
        &self.headers[height as usize]
    }

    /// Headers of the blocks after a height, up to another.
    pub fn headers(&self, after: Height, last: Height) -> Vec<Header> {
        self.headers[after as usize + 1..=last as usize].to_vec()
    }

    /// Height of a block.
    pub fn height(&self, hash: &BlockHash) -> Option<Height> {
        self.heights.get(hash).copied()
    }

    /// A while after the last block was found.
    pub fn now(&self) -> Timestamp {
        let last = &self.headers[self.headers.len() - 1];
        Timestamp::from_secs(u64::from(last.time) + 3600)
    }
}

fn mine(parent: &Header, parent_hash: BlockHash, height: usize) -> (Header, BlockHash) {
    let mut root = [0; 32];
    root[..8].copy_from_slice(&(height as u64).to_le_bytes());
    let mut header = Header {
        version: bitcoin::block::Version::from_consensus(0x2000_0000),
        prev_blockhash: parent_hash,
        merkle_root: bitcoin::TxMerkleNode::from_byte_array(root),
        time: parent.time + SPACING,
        bits: parent.bits,
        nonce: 0,
    };
    loop {
        let hash = header.block_hash();
        if header.target().is_met_by(hash) {
            return (header, hash);
        }
        header.nonce += 1;
    }
}

/// Sizes of mainnet's blocks in bytes: every year has its real total, and its blocks are spread around their mean as they
/// are in reality: widely while blocks were not full, closely since.
pub(super) fn mainnet_sizes(seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sizes = vec![285];
    for years in MAINNET.windows(2) {
        let (begin, end) = (years[0], years[1]);
        let count = (end.0 - begin.0) as usize;
        let mean = (end.1 - begin.1) * 1e6 / count as f64;
        let largest = if end.0 <= SEGWIT { 1e6 } else { 3_990_000.0 };
        // Half of the largest and more: nearly every block is full.
        let spread = if mean > 0.5e6 { 0.25 } else { 0.8 };
        let mut weights: Vec<f64> = (0..count)
            .map(|_| {
                if rng.random_bool(EMPTY) {
                    return 0.0;
                }
                (normal(&mut rng) * spread).exp()
            })
            .collect();
        // Cutting off at the largest takes from the sum, so it is done twice.
        for _ in 0..2 {
            let scale = mean * count as f64 / weights.iter().sum::<f64>();
            for weight in &mut weights {
                *weight = (*weight * scale).min(largest);
            }
        }
        sizes.extend(weights.iter().map(|size| size.max(SMALLEST) as u32));
    }
    sizes
}

/// A number from the standard normal distribution.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(f64::MIN_POSITIVE..1.0), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
