//! A node without a network: a chain and a pipeline, driven as the node drives them.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use tipward_chain::{BlockJob, BlockMark, BlockOutcome, Chain, ChainEvent, Fault};
use tipward_coins::{CoinsDb, CoinsSnapshot};
use tipward_consensus::Reject;
use tipward_primitives::{BlockHash, Height, Network, Params, RawBlock, Timestamp};
use tipward_store::BlockStore;
use tipward_store::layout::MAX_BLOCK_FILE_SIZE;

use super::model::Coins;
use crate::{Event, FoundCoin, Options, Pipeline, validated_tip};

/// Much longer than anything takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Local {
    pub(super) chain: Chain,
    pub(super) pipeline: Pipeline,
    events: Receiver<Event>,
    goal: u64,
    settled: u64,
    jobs: u64,
    /// What was said, since it was looked at last.
    pub(super) tips: Vec<BlockHash>,
    pub(super) invalid: Vec<(BlockHash, Reject)>,
    pub(super) faults: Vec<Fault>,
}

impl Local {
    /// On regtest.
    pub(super) fn open(dir: &Path, options: &Options) -> Self {
        Self::open_on(Network::Regtest, dir, options)
    }

    pub(super) fn open_on(network: Network, dir: &Path, options: &Options) -> Self {
        let params = Arc::new(Params::new(network));
        let size = options
            .prune
            .map_or(MAX_BLOCK_FILE_SIZE, |prune| prune.file_size);
        let (mut store, mut undo, loaded) =
            BlockStore::open_sized(dir, &params, size, &mut |_| {}).unwrap();
        let coins = CoinsDb::open(&dir.join("coins")).unwrap();
        let mut chain = Chain::new(params);
        let mut pruned = Vec::new();
        for header in loaded.headers {
            chain.insert_stored(&header.unwrap()).unwrap();
        }
        for block in loaded.blocks {
            let block = block.unwrap();
            chain.mark_stored(&block.hash, block.transactions);
            if block.pruned {
                pruned.push(block.hash);
            }
        }
        for (hash, mark) in loaded.marks {
            match mark {
                tipward_store::BlockMark::Invalid => chain.mark_invalid(&hash),
                tipward_store::BlockMark::Reconsidered => chain.reconsider(&hash),
            };
        }
        let tip = validated_tip(&coins, &chain).unwrap();
        chain.restore_tip(&tip.hash);
        chain.mark_pruned(&pruned);
        if options.prune.is_some() {
            let height_of = |hash: &BlockHash| chain.find(hash).map(|id| chain.height(id));
            store.learn_heights(&height_of).unwrap();
            undo.learn_heights(&height_of).unwrap();
        }
        let (sender, events) = unbounded();
        let view = chain.view();
        let pipeline = Pipeline::start(store, undo, coins, view, options, move |event| {
            let _ = sender.send(event);
        })
        .unwrap();
        assert_eq!(pipeline.validated_tip().hash, tip.hash);
        let mut this = Self {
            chain,
            pipeline,
            events,
            goal: 0,
            settled: 0,
            jobs: 0,
            tips: Vec::new(),
            invalid: Vec::new(),
            faults: Vec::new(),
        };
        this.head_for_candidate();
        this
    }

    pub(super) fn tip(&self) -> BlockHash {
        self.chain.tip_hash()
    }

    /// Hands blocks over in order, and waits until they are stored, not until they are connected. Returns why each was
    /// refused, if it was.
    pub(super) fn store(&mut self, blocks: &[RawBlock]) -> Vec<Option<Reject>> {
        let now = Timestamp::from_secs(4_000_000_000);
        let mut refused = vec![None; blocks.len()];
        let mut of_job = std::collections::HashMap::new();
        for (at, block) in blocks.iter().enumerate() {
            let header = block.header();
            match self.chain.accept_header(&header, now) {
                Ok(accepted) => {
                    if accepted.new {
                        self.pipeline.persist_headers(vec![header]);
                    }
                    self.jobs += 1;
                    of_job.insert(self.jobs, at);
                    let job = BlockJob {
                        id: self.jobs,
                        context: self.chain.context(accepted.id),
                    };
                    self.pipeline.submit(job, block.clone());
                }
                Err(reject) => refused[at] = Some(reject),
            }
        }
        while !of_job.is_empty() {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            let Event::Verdict(verdict) = event else {
                self.take(event);
                continue;
            };
            let at = of_job.remove(&verdict.id).unwrap();
            match verdict.outcome {
                BlockOutcome::Stored { transactions } => {
                    if self.chain.mark_stored(&verdict.hash, transactions) {
                        self.head_for_candidate();
                    }
                }
                BlockOutcome::Refused(reject) => refused[at] = Some(reject),
                BlockOutcome::Failed(fault) => panic!("{fault}"),
            }
        }
        refused
    }

    /// The same, and waits until there is nothing left to connect.
    pub(super) fn submit(&mut self, blocks: &[RawBlock]) {
        let refused = self.store(blocks);
        assert!(refused.iter().all(Option::is_none), "{refused:?}");
        self.settle();
    }

    pub(super) fn head_for_candidate(&mut self) {
        self.goal += 1;
        self.pipeline.set_goal(self.goal, self.chain.view());
    }

    /// Ends as if killed.
    pub(super) fn kill(self) {
        self.pipeline.abandon();
    }

    /// Waits until the newest goal is settled.
    pub(super) fn settle(&mut self) {
        while self.settled < self.goal {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            self.take(event);
        }
    }

    /// The same, or until a fault ends connecting.
    pub(super) fn settle_or_fail(&mut self) {
        while self.settled < self.goal && self.faults.is_empty() {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            self.take(event);
        }
    }

    /// Waits until it was told that the blocks below a height are gone.
    pub(super) fn wait_until_pruned_below(&mut self, height: Height) {
        while self.chain.pruned_below() < height {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            self.take(event);
        }
    }

    /// Waits for a fault.
    pub(super) fn wait_for_fault(&mut self) -> Fault {
        while self.faults.is_empty() {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            self.take(event);
        }
        self.faults.remove(0)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Verdict(verdict) => panic!("{verdict:?}"),
            Event::Fault(fault) => self.faults.push(fault),
            Event::Chain(ChainEvent::TipMoved { tip }) => {
                self.chain.set_tip(&tip).expect("a tip that moves");
                self.tips.push(tip);
            }
            Event::Chain(ChainEvent::BlockInvalid { hash, reject, .. }) => {
                self.invalid.push((hash, reject));
                self.pipeline.persist_mark(hash, BlockMark::Invalid);
                if self.chain.mark_invalid(&hash) {
                    self.head_for_candidate();
                }
            }
            Event::Chain(ChainEvent::Settled { goal }) => self.settled = goal,
            Event::Chain(ChainEvent::Pruned { blocks }) => {
                self.chain.mark_pruned(&blocks);
            }
        }
    }

    pub(super) fn invalidate(&mut self, hash: &BlockHash) {
        if self.chain.mark_invalid(hash) {
            self.head_for_candidate();
        }
        self.settle();
    }

    pub(super) fn reconsider(&mut self, hash: &BlockHash) {
        if self.chain.reconsider(hash) {
            self.head_for_candidate();
        }
        self.settle();
    }

    /// All coins of the validated tip.
    pub(super) fn coins(&self) -> Coins {
        all(&self.pipeline.coins().snapshot().unwrap())
    }
}

pub(super) fn all(snapshot: &CoinsSnapshot) -> Coins {
    let mut coins = Coins::new();
    snapshot
        .for_each(&[0; 36], |key, coin| {
            let coin = FoundCoin {
                height: coin.height,
                coinbase: coin.coinbase,
                value: coin.value,
                script: coin.script.to_vec(),
            };
            coins.insert(*key, coin);
            ControlFlow::Continue(())
        })
        .unwrap();
    coins
}
