use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use tempfile::TempDir;
use tipward_chain::{
    BlockJob, BlockMark, BlockOutcome, BlockVerdict, Chain, ChainEvent, Fault, HeaderId,
};
use tipward_coins::{CoinsDb, CoinsSnapshot, SetInfo};
use tipward_consensus::Reject;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::{Amount, OutPoint, ScriptBuf, TxOut, Txid};
use tipward_primitives::{BlockHash, Header, Height, Params, RawBlock, Timestamp};
use tipward_store::BlockStore;
use tipward_validation::{Event, Options, Pipeline, validated_tip};

use crate::{Coin, Coins, Outcome};

/// Much longer than anything takes: whoever waits so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// The node's own validation without a network: header tree, block files, pipeline, driven as the node drives them but one
/// block at a time.
///
/// What it does must be what the node does with a block that a user submits; it decides nothing itself.
pub struct LocalNode {
    dir: PathBuf,
    /// Removed with the node, unless the directory is somebody else's.
    folder: Option<TempDir>,
    params: Arc<Params>,
    options: Options,
    running: Running,
}

/// What ends with a kill.
struct Running {
    chain: Chain,
    pipeline: Pipeline,
    events: Receiver<Event>,
    /// Number of the newest goal, and of the newest that is settled.
    goal: u64,
    settled: u64,
    jobs: u64,
    invalid: Vec<(BlockHash, Reject)>,
    fault: Option<Fault>,
}

/// What came of a block that was submitted.
#[derive(Clone, Debug)]
pub struct LocalAnswer {
    /// What became of the block itself.
    pub outcome: Outcome,
    /// Why the block was refused before it was stored, or which stored blocks were found invalid, in that order.
    pub refused: Vec<(BlockHash, Reject)>,
}

impl LocalNode {
    /// A node in a folder that goes away with it, with the genesis block alone.
    ///
    /// # Errors
    /// If the folder cannot be made, or whatever keeps a node from starting.
    pub fn new(params: Arc<Params>, options: Options) -> Result<Self, Fault> {
        let folder = tempfile::tempdir().map_err(fault)?;
        let dir = folder.path().to_owned();
        Ok(Self {
            running: Running::open(&dir, &params, &options)?,
            dir,
            folder: Some(folder),
            params,
            options,
        })
    }

    /// The node's data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The header tree and the active chain.
    pub fn chain(&self) -> &Chain {
        &self.running.chain
    }

    /// Hash of the active chain's tip.
    pub fn tip(&self) -> BlockHash {
        self.running.chain.tip_hash()
    }

    /// Height of the active chain's tip.
    pub fn height(&self) -> Height {
        self.running.chain.tip_height()
    }

    /// Submits a header alone.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn submit_header(&mut self, header: &Header) -> Result<(), Reject> {
        self.running.accept_header(header).map(drop)
    }

    /// Submits a block and waits for all that comes of it.
    ///
    /// # Errors
    /// Our own failure.
    pub fn submit(&mut self, raw: &RawBlock) -> Result<LocalAnswer, Fault> {
        self.running.submit(raw)
    }

    /// Submits blocks, each after its parent, and waits only at the end. Returns those that were refused before they were
    /// stored and those that were found invalid.
    ///
    /// # Errors
    /// Our own failure.
    pub fn submit_all(
        &mut self,
        blocks: impl IntoIterator<Item = RawBlock>,
    ) -> Result<Vec<(BlockHash, Reject)>, Fault> {
        for raw in blocks {
            if let Err(refused) = self.running.store(&raw)? {
                self.running.invalid.push((raw.block_hash(), refused));
            }
        }
        self.running.settle()?;
        Ok(std::mem::take(&mut self.running.invalid))
    }

    /// Marks a block invalid, as the user may, and waits until the active chain has left it.
    ///
    /// # Errors
    /// Our own failure.
    pub fn invalidate(&mut self, hash: &BlockHash) -> Result<(), Fault> {
        let running = &mut self.running;
        running.pipeline.persist_mark(*hash, BlockMark::Invalid);
        if running.chain.mark_invalid(hash) {
            running.head_for_candidate();
        }
        running.settle()
    }

    /// Takes an [`LocalNode::invalidate`] back.
    ///
    /// # Errors
    /// Our own failure.
    pub fn reconsider(&mut self, hash: &BlockHash) -> Result<(), Fault> {
        let running = &mut self.running;
        for (hash, mark) in running.chain.marks_of_reconsidering(hash) {
            running.pipeline.persist_mark(hash, mark);
        }
        if running.chain.reconsider(hash) {
            running.head_for_candidate();
        }
        running.settle()
    }

    /// All coins of the active chain.
    ///
    /// # Errors
    /// If they cannot be flushed or read.
    pub fn coins(&self) -> Result<Coins, Fault> {
        let mut coins = Coins::default();
        let insert = |key: &[u8; 36], coin: tipward_coins::Coin<'_>| {
            coins.insert(
                outpoint(key),
                Coin {
                    height: coin.height,
                    coinbase: coin.coinbase,
                    output: TxOut {
                        value: Amount::from_sat(coin.value),
                        script_pubkey: ScriptBuf::from_bytes(coin.script.to_vec()),
                    },
                },
            );
            ControlFlow::Continue(())
        };
        self.snapshot()?.for_each(&[0; 36], insert).map_err(fault)?;
        Ok(coins)
    }

    /// Figures of the coins of the active chain, the hash of the set among them.
    ///
    /// # Errors
    /// If they cannot be flushed or read.
    pub fn set_info(&self) -> Result<SetInfo, Fault> {
        let (counted, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let info = self.snapshot()?.info(true, 1, &counted, &stop);
        Ok(info.map_err(fault)?.unwrap_or_default())
    }

    fn snapshot(&self) -> Result<CoinsSnapshot, Fault> {
        self.running.pipeline.coins().snapshot()
    }

    /// Ends the node and starts it again with these options.
    ///
    /// # Errors
    /// Our own failure.
    pub fn restart(self, options: Options) -> Result<Self, Fault> {
        self.again(options, Pipeline::shutdown)
    }

    /// Ends the node as a kill would, and starts it again with these options.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub fn kill_and_restart(self, options: Options) -> Result<Self, Fault> {
        self.again(options, |pipeline| {
            pipeline.abandon();
            Ok(())
        })
    }

    fn again(
        self,
        options: Options,
        end: impl FnOnce(Pipeline) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        end(self.running.pipeline)?;
        Ok(Self {
            running: Running::open(&self.dir, &self.params, &options)?,
            dir: self.dir,
            folder: self.folder,
            params: self.params,
            options,
        })
    }

    /// The options that it runs with.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl Running {
    fn open(dir: &Path, params: &Arc<Params>, options: &Options) -> Result<Self, Fault> {
        let (store, undo, loaded) = BlockStore::open(dir, params).map_err(fault)?;
        let coins = CoinsDb::open(&dir.join("coins")).map_err(fault)?;
        let mut chain = Chain::new(params.clone());
        for header in loaded.headers {
            chain.insert_stored(&header.map_err(fault)?);
        }
        for block in loaded.blocks {
            let block = block.map_err(fault)?;
            chain.mark_stored(&block.hash, block.transactions);
        }
        for (hash, mark) in loaded.marks {
            match mark {
                tipward_store::BlockMark::Invalid => chain.mark_invalid(&hash),
                tipward_store::BlockMark::Reconsidered => chain.reconsider(&hash),
            };
        }
        let tip = validated_tip(&coins, &chain)?;
        chain.restore_tip(&tip.hash);
        let (sender, events) = unbounded();
        let on_event = move |event| {
            // Nobody listens any more once the node is going.
            let _ = sender.send(event);
        };
        let view = chain.view();
        let pipeline = Pipeline::start(store, undo, coins, view, options, on_event)?;
        let mut running = Self {
            chain,
            pipeline,
            events,
            goal: 0,
            settled: 0,
            jobs: 0,
            invalid: Vec::new(),
            fault: None,
        };
        running.head_for_candidate();
        running.settle()?;
        Ok(running)
    }

    fn submit(&mut self, raw: &RawBlock) -> Result<LocalAnswer, Fault> {
        self.invalid.clear();
        let hash = raw.block_hash();
        let known = self.chain.find(&hash);
        let known = known.is_some_and(|id| self.chain.is_stored(id));
        if let Err(reject) = self.store(raw)? {
            // It may be the block's own body that is refused, and the header with it: then the chain may have to move.
            self.settle()?;
            return Ok(LocalAnswer {
                outcome: Outcome::Refused,
                refused: vec![(hash, reject)],
            });
        }
        self.settle()?;
        Ok(LocalAnswer {
            // A body is checked even if there is one already: it may be another.
            outcome: if known {
                Outcome::Known
            } else {
                Outcome::Stored
            },
            refused: std::mem::take(&mut self.invalid),
        })
    }

    /// Accepts the header, and has the body checked and stored.
    fn store(&mut self, raw: &RawBlock) -> Result<Result<(), Reject>, Fault> {
        let header = raw.header();
        let id = match self.accept_header(&header) {
            Ok(id) => id,
            Err(reject) => return Ok(Err(reject)),
        };
        self.jobs += 1;
        let job = BlockJob {
            id: self.jobs,
            context: self.chain.context(id),
        };
        self.pipeline.submit(job, raw.clone());
        let verdict = loop {
            match self.next_event()? {
                Event::Verdict(verdict) => break verdict,
                other => self.take(other)?,
            }
        };
        let BlockVerdict { hash, outcome, .. } = verdict;
        match outcome {
            BlockOutcome::Stored { transactions } => {
                if self.chain.mark_stored(&hash, transactions) {
                    self.head_for_candidate();
                }
                Ok(Ok(()))
            }
            BlockOutcome::Refused(reject) => {
                if reject.kind == tipward_consensus::RejectKind::Consensus {
                    self.condemn(hash);
                }
                Ok(Err(reject))
            }
            BlockOutcome::Failed(fault) => Err(fault),
        }
    }

    fn accept_header(&mut self, header: &Header) -> Result<HeaderId, Reject> {
        let accepted = self.chain.accept_header(header, now())?;
        if accepted.new {
            self.pipeline.persist_headers(vec![*header]);
        }
        Ok(accepted.id)
    }

    fn condemn(&mut self, hash: BlockHash) {
        self.pipeline.persist_mark(hash, BlockMark::Invalid);
        if self.chain.mark_invalid(&hash) {
            self.head_for_candidate();
        }
    }

    fn head_for_candidate(&mut self) {
        self.goal += 1;
        self.pipeline.set_goal(self.goal, self.chain.view());
    }

    /// Waits until the newest goal is settled.
    fn settle(&mut self) -> Result<(), Fault> {
        while self.settled < self.goal {
            let event = self.next_event()?;
            self.take(event)?;
        }
        Ok(())
    }

    fn next_event(&mut self) -> Result<Event, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.events.recv_timeout(PATIENCE).map_err(fault)
    }

    fn take(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            // Of a block that is not waited for any more; there is none.
            Event::Verdict(verdict) => return Err(fault(format!("unexpected: {verdict:?}"))),
            Event::Fault(fault) => {
                self.fault = Some(fault.clone());
                return Err(fault);
            }
            Event::Chain(ChainEvent::TipMoved { tip }) => {
                self.chain.set_tip(&tip);
            }
            Event::Chain(ChainEvent::BlockInvalid { hash, reject, .. }) => {
                self.invalid.push((hash, reject));
                self.condemn(hash);
            }
            Event::Chain(ChainEvent::Settled { goal }) => self.settled = goal,
            Event::Chain(ChainEvent::Pruned { blocks }) => {
                self.chain.mark_pruned(&blocks);
            }
        }
        Ok(())
    }
}

/// The system's time, as the library that this is held against reads it.
fn now() -> Timestamp {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_secs(now.as_secs())
}

fn outpoint(key: &[u8; 36]) -> OutPoint {
    let (txid, vout) = key
        .split_first_chunk::<32>()
        .expect("36 bytes begin with 32");
    OutPoint {
        txid: Txid::from_byte_array(*txid),
        vout: u32::from_le_bytes(vout.try_into().expect("four bytes are left")),
    }
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault {
        what: error.to_string(),
        may_pass: false,
    }
}
