//! One run: the pipeline as the node starts it, fed from a file.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail, ensure};
use tipward_chain::{BlockJob, BlockOutcome, BlockVerdict, Chain, ChainEvent};
use tipward_coins::CoinsDb;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Network, Params, Timestamp};
use tipward_store::BlockStore;
use tipward_validation::{CoinsHandle, Event, Options as PipelineOptions, Pipeline};

use super::blocks::BlockFile;
use super::{ReplayArgs, Told};
use crate::bench::chain::db_cache_mib;
use crate::bench::ibd::Scripts;
use crate::bench::process;
use crate::config::Options;
use crate::generate::mainnet::ChainNote;

/// How often the stages are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Headers that are handed over at a time, as many as come in a message.
const HEADERS: usize = 2_000;

/// Blocks on their way to the disk, in MiB, as the node's `--blockbuffer` by default.
const BUFFER_MIB: u32 = 64;

/// Pipeline without anything to do for so long means that a block is missing or invalid.
const PATIENCE: Duration = Duration::from_secs(600);

struct Replay<'a> {
    note: &'a ChainNote,
    chain: Chain,
    pipeline: Pipeline,
    coins: CoinsHandle,
    events: Receiver<Event>,
    goal: u64,
    /// Bytes of the blocks that have no verdict yet.
    in_flight: usize,
    begun: Instant,
    looked: Instant,
    moved: Instant,
    full_since: Option<(f64, f64)>,
    told: Told,
}

/// Runs and tells.
pub(super) fn run(args: &ReplayArgs, options: &Options, note: &ChainNote) -> anyhow::Result<Told> {
    let begun = Instant::now();
    let params = Arc::new(Params::new(Network::Regtest));
    let dbcache = db_cache_mib(options)? as usize * 1024 * 1024;
    let (store, undo, _) = BlockStore::open(&args.chain.dir, &params)?;
    let coins = CoinsDb::open(&args.chain.dir.join("coins"))?;
    let chain = Chain::new(params.clone());
    let mut pipeline_options = PipelineOptions {
        dbcache,
        assume_valid: match args.scripts {
            Scripts::Off => note.assume_valid,
            Scripts::On | Scripts::Both => BlockHash::all_zeros(),
        },
        ..PipelineOptions::default()
    };
    if let Some(par) = options.par.and_then(|par| usize::try_from(par).ok())
        && let Some(threads) = std::num::NonZeroUsize::new(par)
    {
        pipeline_options.check_threads = threads;
        pipeline_options.script_threads = threads;
    }
    let (sender, events) = mpsc::channel();
    let on_event = move |event| {
        // Nobody listens any more once the run is over.
        let _ = sender.send(event);
    };
    let view = chain.view();
    let pipeline = Pipeline::start(store, undo, coins, view, &pipeline_options, on_event)?;
    let mut replay = Replay {
        note,
        chain,
        coins: pipeline.coins(),
        pipeline,
        events,
        goal: 0,
        in_flight: 0,
        begun,
        looked: begun,
        moved: begun,
        full_since: None,
        told: Told::default(),
    };
    replay.headers(args, &params)?;
    let buffer = options.blockbuffer.unwrap_or(BUFFER_MIB) as usize * 1024 * 1024;
    replay.blocks(args, &params, buffer)?;
    let mut told = replay.told;
    replay.pipeline.shutdown()?;
    told.to_end = begun.elapsed().as_secs_f64();
    Ok(told)
}

impl Replay<'_> {
    /// All headers first, as a node has them before it asks for blocks.
    fn headers(&mut self, args: &ReplayArgs, params: &Params) -> anyhow::Result<()> {
        let mut file = BlockFile::open(&args.chain.blocks, params)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = Timestamp::from_secs(now.as_secs());
        let mut batch = Vec::new();
        while let Some(header) = file.header()? {
            self.chain
                .accept_header(&header, now)
                .map_err(|reject| anyhow!("a header is refused: {reject}"))?;
            batch.push(header);
            if batch.len() == HEADERS {
                self.pipeline.persist_headers(std::mem::take(&mut batch));
            }
        }
        self.pipeline.persist_headers(batch);
        Ok(())
    }

    /// All blocks, as many at a time as the buffer holds, and then to the tip.
    fn blocks(&mut self, args: &ReplayArgs, params: &Params, buffer: usize) -> anyhow::Result<()> {
        let mut file = BlockFile::open(&args.chain.blocks, params)?;
        let mut jobs = 0;
        while let Some(block) = file.block()? {
            while self.in_flight > 0 && self.in_flight + block.size() > buffer {
                self.wait()?;
            }
            while let Ok(event) = self.events.try_recv() {
                self.take(event)?;
            }
            let id = self.chain.find(&block.block_hash());
            let id = id.context("a block whose header is not there")?;
            jobs += 1;
            self.in_flight += block.size();
            let job = BlockJob {
                id: jobs,
                context: self.chain.context(id),
            };
            self.pipeline.submit(job, block);
            self.look();
        }
        while self.chain.tip_height() < self.note.height {
            self.wait()?;
        }
        ensure!(
            self.chain.tip_hash() == self.note.tip,
            "the run ended up at another tip"
        );
        self.told.to_tip = self.seconds();
        self.told.cpu_to_tip = cpu_seconds();
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn look(&mut self) {
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            let depths = self.pipeline.depths();
            self.told.stages.look(&depths, &self.coins.progress());
        }
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        match self.events.recv_timeout(LOOK) {
            Ok(event) => {
                self.moved = Instant::now();
                self.take(event)?;
            }
            Err(RecvTimeoutError::Timeout) => ensure!(
                self.moved.elapsed() < PATIENCE,
                "stuck at height {}",
                self.chain.tip_height()
            ),
            Err(RecvTimeoutError::Disconnected) => bail!("the pipeline ended"),
        }
        self.look();
        Ok(())
    }

    fn take(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Verdict(verdict) => self.take_verdict(verdict),
            Event::Fault(fault) => bail!("{fault}"),
            Event::Chain(ChainEvent::TipMoved { tip }) => {
                self.chain.set_tip(&tip);
                let height = self.chain.tip_height();
                let seconds = self.seconds();
                let (first, last) = self.note.full;
                if height + 1 >= first && self.full_since.is_none() {
                    self.full_since = Some((seconds, cpu_seconds()));
                }
                if height >= last
                    && self.told.full == 0.0
                    && let Some((since, cpu)) = self.full_since
                {
                    self.told.full = seconds - since;
                    self.told.cpu_full = cpu_seconds() - cpu;
                }
                Ok(())
            }
            Event::Chain(ChainEvent::BlockInvalid { hash, reject, .. }) => {
                bail!("block {hash} is invalid: {reject}")
            }
            Event::Chain(ChainEvent::Settled { .. } | ChainEvent::Pruned { .. }) => Ok(()),
        }
    }

    fn take_verdict(&mut self, verdict: BlockVerdict) -> anyhow::Result<()> {
        self.in_flight = self.in_flight.saturating_sub(verdict.size);
        match verdict.outcome {
            BlockOutcome::Stored { transactions } => {
                if self.chain.mark_stored(&verdict.hash, transactions) {
                    self.goal += 1;
                    self.pipeline.set_goal(self.goal, self.chain.view());
                }
                Ok(())
            }
            BlockOutcome::Refused(reject) => {
                bail!("block {} is refused: {reject}", verdict.hash)
            }
            BlockOutcome::Failed(fault) => bail!("{fault}"),
        }
    }
}

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    process::cpu_seconds(std::process::id()).unwrap_or_default()
}
