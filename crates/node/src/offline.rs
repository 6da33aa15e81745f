//! A node without a network: the data directory, the header tree and the validation pipeline, as the node has them,
//! driven by a command that ends by itself.
//!
//! ```text
//!   reading threads ── blocks ──┐
//!                               ▼
//!   command ◀── Happening ── Offline ── headers, blocks, goals ──▶ Pipeline
//!                               ▲                                     │
//!                               └───────── verdicts, tips ────────────┘
//! ```
//!
//! It decides nothing itself: headers are judged by the tree, blocks by the pipeline, and what follows from a verdict is
//! what follows from it in the node. It holds the lock on the directory until it is finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tipward_chain::{
    Accepted, BlockJob, BlockMark, BlockOutcome, BlockVerdict, Chain, ChainEvent, HeaderId,
};
use tipward_consensus::{Reject, RejectKind};
use tipward_primitives::{BlockHash, Header, Height, RawBlock, Timestamp};
use tipward_store::{BlockReader, Loaded};
use tipward_validation::{Event, Pipeline};

use crate::config::{Config, Options};
use crate::load::{self, Files};
use crate::net::clock::Clock;
use crate::progress::Display;
use crate::{logging, signals};

/// Headers that are handed over to be written at a time, as many as come in a message.
const HEADERS: usize = 2_000;

/// Invalid blocks that are told one by one.
const MOST_TOLD: usize = 100;

/// What a command that works on the data directory begins with.
pub(crate) struct Workplace {
    pub(crate) config: Config,
    pub(crate) display: Display,
    pub(crate) stop: StopFlag,
}

impl Workplace {
    /// Reads the configuration, and sends log lines to the log file, but to the console only if that was asked for: what
    /// a command has to say stands on its own.
    pub(crate) fn prepare(options: Options) -> anyhow::Result<Self> {
        let console = options.printtoconsole.is_some();
        let mut config = Config::load(options)?;
        config.output.console &= console;
        std::fs::create_dir_all(&config.netdir)
            .with_context(|| format!("cannot create {}", config.netdir.display()))?;
        let display = Display::new(config.output.progress);
        logging::init(&config.output, &display)?;
        Ok(Self {
            config,
            display,
            stop: StopFlag::on_signals()?,
        })
    }

    /// The chain as it is on the disk; mends what has to be mended and says so.
    pub(crate) fn open(&self, progress: load::Search<'_>) -> anyhow::Result<(Files, Loaded)> {
        let (netdir, params) = (&self.config.netdir, &self.config.params);
        let (files, loaded) = load::open_with(netdir, params, &self.config.sync, progress)?;
        for repair in &loaded.report.repairs {
            println!("Repaired: {repair}");
        }
        Ok((files, loaded))
    }

    /// Builds the header tree of what was opened.
    pub(crate) fn load(&self, files: Files, loaded: Loaded) -> anyhow::Result<load::Start> {
        let params = Arc::new(self.config.params.clone());
        load::load(files, loaded, &params, Clock::default().now())
    }
}

/// A number of things, as people write it.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{s}")
}

/// Set when the user or the system wants the process to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    fn on_signals() -> anyhow::Result<Self> {
        let flag = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot listen for signals")?;
        let set = flag.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                if runtime.block_on(signals::ended()).is_ok() {
                    set.0.store(true, Ordering::Relaxed);
                }
            })
            .context("cannot start a thread")?;
        Ok(flag)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For who looks at it without knowing what it is.
    pub(crate) fn as_atomic(&self) -> &AtomicBool {
        &self.0
    }
}

/// See the module's page.
pub(crate) struct Offline {
    chain: Chain,
    pipeline: Pipeline,
    blocks: BlockReader,
    events_in: Sender<Signal>,
    events: Receiver<Signal>,
    new_headers: Vec<Header>,
    /// Number of the newest goal, and of the newest that is settled.
    goal: u64,
    settled: u64,
    connected: Connected,
    invalid: Vec<InvalidBlock>,
    invalid_in_all: u64,
}

/// Blocks that joined the active chain since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connected {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// A block that breaks a rule.
#[derive(Clone, Debug)]
pub(crate) struct InvalidBlock {
    pub(crate) hash: BlockHash,
    pub(crate) height: Height,
    pub(crate) reject: Reject,
}

/// What comes to the thread that drives an [`Offline`].
pub(crate) enum Signal {
    Pipeline(Event),
    Read(ReadBlock),
}

/// A block that a command has read, by a number of the command's own.
pub(crate) struct ReadBlock {
    pub(crate) number: usize,
    pub(crate) block: std::io::Result<RawBlock>,
}

/// What a command hears of.
pub(crate) enum Happening {
    /// A block has its verdict, whose consequences are drawn.
    Verdict(BlockVerdict),
    /// A block was read.
    Read(ReadBlock),
    /// Validation waits for something that may pass.
    Waiting(String),
    /// Something that shows in the figures only, or nothing for as long as the command was willing to wait.
    Other,
}

impl Offline {
    /// Starts the pipeline as the node does, and has it connect what is stored and not connected.
    pub(crate) fn start(start: load::Start, config: &Config) -> anyhow::Result<Self> {
        let (events_in, events) = mpsc::channel();
        let load::Start { files, chain } = start;
        let blocks = files.store.reader();
        let on_event = {
            let events_in = events_in.clone();
            // Nobody listens any more once the command is over.
            move |event| drop(events_in.send(Signal::Pipeline(event)))
        };
        let options = load::pipeline_options(&config.sync);
        let (store, undo, coins) = (files.store, files.undo, files.coins);
        let pipeline = Pipeline::start(store, undo, coins, chain.view(), &options, on_event)
            .context("cannot start validation")?;
        let mut node = Self {
            chain,
            pipeline,
            blocks,
            events_in,
            events,
            new_headers: Vec::new(),
            goal: 0,
            settled: 0,
            connected: Connected::default(),
            invalid: Vec::new(),
            invalid_in_all: 0,
        };
        node.head_for_candidate();
        Ok(node)
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn blocks(&self) -> &BlockReader {
        &self.blocks
    }

    /// Where threads that read blocks leave them.
    pub(crate) fn sender(&self) -> Sender<Signal> {
        self.events_in.clone()
    }

    /// Puts a header into the tree, to be written when there are enough of them or before the next block.
    pub(crate) fn accept_header(
        &mut self,
        header: &Header,
        now: Timestamp,
    ) -> Result<Accepted, Reject> {
        let accepted = self.chain.accept_header(header, now)?;
        if accepted.new {
            self.new_headers.push(*header);
            if self.new_headers.len() >= HEADERS {
                self.write_headers();
            }
        }
        Ok(accepted)
    }

    /// Hands over the headers that were accepted.
    pub(crate) fn write_headers(&mut self) {
        let headers = std::mem::take(&mut self.new_headers);
        self.pipeline.persist_headers(headers);
    }

    /// Hands a block over, whose header is in the tree. Waits while a thousand of them wait already.
    pub(crate) fn submit(&mut self, job: u64, id: HeaderId, block: RawBlock) {
        self.write_headers();
        let context = self.chain.context(id);
        self.pipeline.submit(BlockJob { id: job, context }, block);
    }

    /// Bytes of blocks that may still be stored, where old ones are deleted to save space.
    pub(crate) fn room(&self) -> Option<u64> {
        self.pipeline.room()
    }

    /// All that is stored is connected, as far as it can be.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled >= self.goal
    }

    pub(crate) fn connected(&self) -> Connected {
        self.connected
    }

    /// The blocks that were found invalid (a hundred of them), and how many there were.
    pub(crate) fn invalid(&self) -> (&[InvalidBlock], u64) {
        (&self.invalid, self.invalid_in_all)
    }

    /// Waits for something to happen, no longer than `patience`, and draws the consequences.
    ///
    /// # Errors
    /// Our own failure, unless it may pass.
    pub(crate) fn next(&mut self, patience: Duration) -> anyhow::Result<Happening> {
        let event = match self.events.recv_timeout(patience) {
            Ok(Signal::Read(read)) => return Ok(Happening::Read(read)),
            Ok(Signal::Pipeline(event)) => event,
            // We hold a sender ourselves.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Ok(Happening::Other);
            }
        };
        match event {
            Event::Verdict(verdict) => return self.take_verdict(verdict).map(Happening::Verdict),
            Event::Fault(fault) if fault.may_pass => return Ok(Happening::Waiting(fault.what)),
            Event::Fault(fault) => bail!(fault),
            Event::Chain(ChainEvent::TipMoved { tip }) => self.move_tip(&tip),
            Event::Chain(ChainEvent::BlockInvalid {
                hash,
                height,
                reject,
            }) => self.condemn(InvalidBlock {
                hash,
                height,
                reject,
            }),
            Event::Chain(ChainEvent::Pruned { blocks }) => {
                if self.chain.mark_pruned(&blocks) {
                    self.head_for_candidate();
                }
            }
            Event::Chain(ChainEvent::Settled { goal }) => self.settled = goal,
        }
        Ok(Happening::Other)
    }

    fn take_verdict(&mut self, verdict: BlockVerdict) -> anyhow::Result<BlockVerdict> {
        match &verdict.outcome {
            BlockOutcome::Stored { transactions } => {
                if self.chain.mark_stored(&verdict.hash, *transactions) {
                    self.head_for_candidate();
                }
            }
            BlockOutcome::Refused(reject) if reject.kind == RejectKind::Consensus => {
                self.condemn(InvalidBlock {
                    hash: verdict.hash,
                    height: verdict.height,
                    reject: reject.clone(),
                });
            }
            // The body alone is wrong, which says nothing of the header.
            BlockOutcome::Refused(_) => {}
            BlockOutcome::Failed(fault) if fault.may_pass => {}
            BlockOutcome::Failed(fault) => bail!(fault.clone()),
        }
        Ok(verdict)
    }

    fn move_tip(&mut self, tip: &BlockHash) {
        let Some(change) = self.chain.set_tip(tip) else {
            return;
        };
        for block in &change.connected {
            self.connected.blocks += 1;
            self.connected.bytes += u64::from(self.blocks.size_of(&block.hash).unwrap_or(0));
        }
    }

    fn condemn(&mut self, block: InvalidBlock) {
        tracing::warn!(
            target: "blocks",
            "Block {} at height {} is invalid: {}", block.hash, block.height, block.reject
        );
        self.pipeline.persist_mark(block.hash, BlockMark::Invalid);
        if self.chain.mark_invalid(&block.hash) {
            self.head_for_candidate();
        }
        self.invalid_in_all += 1;
        if self.invalid.len() < MOST_TOLD {
            self.invalid.push(block);
        }
    }

    fn head_for_candidate(&mut self) {
        self.goal += 1;
        self.pipeline.set_goal(self.goal, self.chain.view());
    }

    /// Ends with all on disk, however long the coins take to be written.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.write_headers();
        self.pipeline.coins().flush()?;
        self.pipeline.flush()?;
        Ok(self.pipeline.shutdown()?)
    }

    /// Ends as the node does when it is told to: in seconds.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.write_headers();
        Ok(self.pipeline.shutdown()?)
    }
}
