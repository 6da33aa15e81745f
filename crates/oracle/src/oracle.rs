use std::sync::{Arc, Mutex, PoisonError};

use bitcoinkernel::prelude::*;
use bitcoinkernel::{
    Block, BlockHeader, BlockTreeEntry, BlockValidationResult, BlockValidationStateRef, ChainType,
    ChainstateManager, Context, ContextBuilder, KernelError, ProcessBlockHeaderResult,
    ProcessBlockResult, ValidationMode,
};
use tempfile::TempDir;
use tipward_primitives::bitcoin::consensus::{deserialize, serialize};
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{Amount, OutPoint, Script, ScriptBuf, TxOut};
use tipward_primitives::{BlockHash, Header, Height, Network};

use crate::log::{self, RefusedLine};
use crate::{Coin, Coins};

/// libbitcoinkernel's own chain and coins, in a folder that goes away with it.
pub struct Oracle {
    // Dropped in this order: the chainstate writes to its folder as it goes.
    chain: ChainstateManager,
    _context: Context,
    events: Arc<Mutex<Vec<Event>>>,
    _folder: TempDir,
}

/// What the library says of a block that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of the block itself.
    pub outcome: Outcome,
    /// The blocks that were found invalid, in that order: this one, or, as its branch was tried, others before it.
    pub refused: Vec<Refusal>,
    /// The blocks that left the active chain, in that order.
    pub disconnected: Vec<BlockHash>,
    /// The blocks that joined the active chain, in that order.
    pub connected: Vec<BlockHash>,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was new and is stored; whether it joined the active chain is another question.
    Stored,
    /// It was there before.
    Known,
    /// It was refused before it was stored.
    Refused,
    /// The bytes are not a block.
    Undecodable,
}

/// A block that was found invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The block.
    pub block: BlockHash,
    /// Bitcoin Core's reject reason.
    pub reason: String,
    /// What it adds for people.
    pub detail: String,
    /// What the failure says about the block; `None` if the library reported the reason alone.
    pub kind: Option<Kind>,
}

/// Bitcoin Core's `BlockValidationResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "Bitcoin Core's names")]
pub enum Kind {
    Unset,
    Consensus,
    CachedInvalid,
    InvalidHeader,
    Mutated,
    MissingPrev,
    InvalidPrev,
    TimeFuture,
    HeaderLowWork,
}

/// The library could not answer.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// The library failed.
    #[error("libbitcoinkernel: {0}")]
    Kernel(String),
    /// The folder could not be made.
    #[error("cannot make a folder for the chainstate: {0}")]
    Folder(#[from] std::io::Error),
    /// A stored block cannot be read back.
    #[error("the block at height {0} cannot be decoded")]
    Block(Height),
    /// The undo data of a block does not describe what the block spends.
    #[error("the undo data of the block at height {height} is wrong about {outpoint}")]
    Undo {
        /// Height of the block.
        height: Height,
        /// What is spent.
        outpoint: OutPoint,
    },
}

impl From<KernelError> for OracleError {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error.to_string())
    }
}

enum Event {
    Invalid(BlockHash, Kind),
    Connected(BlockHash),
    Disconnected(BlockHash),
}

impl Oracle {
    /// A chain of `network` (on signet, of the public one) with nothing but its genesis block.
    pub fn new(network: Network) -> Result<Self, OracleError> {
        let chain_type = match network {
            Network::Bitcoin => ChainType::Mainnet,
            Network::Testnet => ChainType::Testnet,
            Network::Testnet4 => ChainType::Testnet4,
            Network::Signet => ChainType::Signet,
            Network::Regtest => ChainType::Regtest,
        };
        Self::with_context(|builder| builder.chain_type(chain_type))
    }

    /// A chain of the signet with this block challenge (BIP325).
    pub fn signet(challenge: &Script) -> Result<Self, OracleError> {
        Self::with_context(|builder| builder.signet(challenge.as_bytes()))
    }

    fn with_context(
        network: impl FnOnce(ContextBuilder) -> ContextBuilder,
    ) -> Result<Self, OracleError> {
        log::start()?;
        let events = Arc::new(Mutex::new(Vec::new()));
        let context = listening(network(ContextBuilder::new()), &events).build()?;
        let folder = tempfile::tempdir()?;
        let path = |name| folder.path().join(name).to_string_lossy().into_owned();
        let chain = ChainstateManager::builder(&context, &path("data"), &path("blocks"))?
            .block_tree_db_in_memory(true)
            .chainstate_db_in_memory(true)
            .build()?;
        chain.import_blocks()?;
        Ok(Self {
            chain,
            _context: context,
            events,
            _folder: folder,
        })
    }

    /// Gives the library a serialized block and tells all that came of it.
    pub fn process_block(&mut self, raw: &[u8]) -> Answer {
        let Ok(block) = Block::new(raw) else {
            return Answer {
                outcome: Outcome::Undecodable,
                refused: Vec::new(),
                disconnected: Vec::new(),
                connected: Vec::new(),
            };
        };
        take(&self.events);
        let (result, lines) = log::lines_of(|| self.chain.process_block(&block));
        let outcome = match result {
            ProcessBlockResult::NewBlock => Outcome::Stored,
            ProcessBlockResult::Duplicate => Outcome::Known,
            ProcessBlockResult::Rejected => Outcome::Refused,
        };
        let given = BlockHash::from_byte_array(block.hash().to_bytes());
        let mut answer = Answer {
            outcome,
            refused: Vec::new(),
            disconnected: Vec::new(),
            connected: Vec::new(),
        };
        let mut kinds = Vec::new();
        for event in take(&self.events) {
            match event {
                Event::Invalid(block, kind) => kinds.push((block, kind)),
                Event::Connected(block) => answer.connected.push(block),
                Event::Disconnected(block) => answer.disconnected.push(block),
            }
        }
        answer.refused = lines
            .iter()
            .filter_map(|line| log::refused(line))
            .map(|line| refusal(line, given, &kinds))
            .collect();
        answer
    }

    /// Gives the library a header; `false` if it refuses it.
    ///
    /// # Errors
    /// If the library fails.
    pub fn process_header(&mut self, header: &Header) -> Result<bool, OracleError> {
        let header = BlockHeader::new(&serialize(header))?;
        let result = self.chain.process_block_header(&header)?;
        Ok(matches!(result, ProcessBlockHeaderResult::Valid))
    }

    /// Whether the library has the header of a block.
    pub fn knows(&self, hash: &BlockHash) -> bool {
        let hash = bitcoinkernel::BlockHash::new(&hash.to_byte_array());
        hash.is_ok_and(|hash| self.chain.get_block_tree_entry(&hash).is_some())
    }

    /// The block at the tip of the active chain.
    pub fn tip(&self) -> BlockHash {
        hash_of(&self.chain.active_chain().tip())
    }

    /// Height of the tip of the active chain.
    pub fn height(&self) -> Height {
        Height::try_from(self.chain.active_chain().height()).unwrap_or(0)
    }

    /// The hashes of the active chain, the genesis block first.
    pub fn active_chain(&self) -> Vec<BlockHash> {
        let chain = self.chain.active_chain();
        chain.iter().map(|entry| hash_of(&entry)).collect()
    }

    /// All coins of the active chain. This goes over the whole chain each time.
    ///
    /// # Errors
    /// If a block or its undo data cannot be read, or disagree.
    pub fn coins(&self) -> Result<Coins, OracleError> {
        let mut coins = Coins::default();
        // The genesis block's output cannot be spent and is no coin.
        for (height, entry) in (1..).zip(self.chain.active_chain().iter().skip(1)) {
            let raw = self.chain.read_block_data(&entry)?.consensus_encode()?;
            let block = deserialize(&raw).map_err(|_| OracleError::Block(height))?;
            let undo = self.chain.read_spent_outputs(&entry)?;
            let mut spent = Vec::new();
            for transaction in undo.iter() {
                for coin in transaction.coins() {
                    spent.push(Coin {
                        height: coin.confirmation_height(),
                        coinbase: coin.is_coinbase(),
                        output: output_of(&coin.output()),
                    });
                }
            }
            coins.connect(&block, height, spent)?;
        }
        Ok(coins)
    }
}

/// Has all that the library says about blocks added to `events`.
fn listening(builder: ContextBuilder, events: &Arc<Mutex<Vec<Event>>>) -> ContextBuilder {
    let [checked, connected, disconnected] = [(); 3].map(|()| Arc::clone(events));
    builder
        .with_block_checked_validation(move |block: Block, state: BlockValidationStateRef<'_>| {
            if state.mode() != ValidationMode::Valid {
                let hash = BlockHash::from_byte_array(block.hash().to_bytes());
                push(&checked, Event::Invalid(hash, kind_of(state.result())));
            }
        })
        .with_block_connected_validation(move |_: Block, entry: BlockTreeEntry<'_>| {
            push(&connected, Event::Connected(hash_of(&entry)));
        })
        .with_block_disconnected_validation(move |_: Block, entry: BlockTreeEntry<'_>| {
            push(&disconnected, Event::Disconnected(hash_of(&entry)));
        })
}

fn push(events: &Mutex<Vec<Event>>, event: Event) {
    events
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(event);
}

fn take(events: &Mutex<Vec<Event>>) -> Vec<Event> {
    std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner))
}

fn refusal(line: RefusedLine, given: BlockHash, kinds: &[(BlockHash, Kind)]) -> Refusal {
    let block = line.block.and_then(|hash| hash.parse().ok());
    let block = block.unwrap_or(given);
    let kind = kinds.iter().rfind(|(hash, _)| *hash == block);
    Refusal {
        block,
        reason: line.reason,
        detail: line.detail,
        kind: kind.map(|(_, kind)| *kind),
    }
}

fn hash_of(entry: &BlockTreeEntry<'_>) -> BlockHash {
    BlockHash::from_byte_array(entry.block_hash().to_bytes())
}

fn output_of(output: &impl TxOutExt) -> TxOut {
    TxOut {
        value: Amount::from_sat(u64::try_from(output.value()).unwrap_or(0)),
        script_pubkey: ScriptBuf::from_bytes(output.script_pubkey().to_bytes()),
    }
}

fn kind_of(result: BlockValidationResult) -> Kind {
    match result {
        BlockValidationResult::Unset => Kind::Unset,
        BlockValidationResult::Consensus => Kind::Consensus,
        BlockValidationResult::CachedInvalid => Kind::CachedInvalid,
        BlockValidationResult::InvalidHeader => Kind::InvalidHeader,
        BlockValidationResult::Mutated => Kind::Mutated,
        BlockValidationResult::MissingPrev => Kind::MissingPrev,
        BlockValidationResult::InvalidPrev => Kind::InvalidPrev,
        BlockValidationResult::TimeFuture => Kind::TimeFuture,
        BlockValidationResult::HeaderLowWork => Kind::HeaderLowWork,
    }
}
