//! The connect stage: the one thread that changes the coin set.
//!
//! It works in turns. Each does one thing, the first of these that there is to do, and then looks again:
//!
//! 1. commit the blocks whose scripts are verified (`commit.rs`);
//! 2. condemn the block that is found invalid, once all before it are verified (`commit.rs`);
//! 3. have old blocks deleted that are not needed any more (`pruning.rs`);
//! 4. begin a flush, when it is due and nothing is connected ahead of the verification (`flushing.rs`);
//! 5. take back a block that is not on the way to the goal (`reorg.rs`);
//! 6. connect the next block on the way to the goal (`advance.rs`);
//! 7. settle the goal.
//!
//! Between two turns it takes in what the other threads have for it and answers questions (`answers.rs`), but not about single
//! coins: who wants to know one looks for himself (`shared.rs`). When there is nothing to do, it sleeps until somebody rings
//! the [`Bell`].

mod advance;
mod ahead;
mod answers;
pub(crate) mod apply;
pub(crate) mod coins_ahead;
mod commit;
mod flushing;
mod lead;
mod made;
mod pruning;
mod reorg;
pub(crate) mod rules;
mod shared;
mod trail;

pub use lead::LeadBounds;
pub(crate) use shared::{CoinsReader, SharedCoins};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use tipward_chain::{BlockRef, ChainEvent, ChainView, Fault};
use tipward_consensus::Reject;
use tipward_primitives::BlockHash;
use tipward_store::{BlockReader, UndoFiles, UndoReader};

use crate::bell::Bell;
use crate::disk::Disk;
use crate::faults::{FaultPoints, lasting};
use crate::flush::Flusher;
use crate::frontiers::{Frontiers, block_ref};
use crate::handle::{Counters, Query};
use crate::handoff::Handoff;
use crate::load::{self, Loader};
use crate::scripts::ScriptPool;
use crate::ticket::{Event, Sink, panic_message};
use crate::write::Control;
use ahead::Ahead;
use answers::Waiting;
use flushing::Flushes;
use lead::Lead;
use pruning::Pruning;

/// After a failure that may pass it is tried again so often.
const RETRY: Duration = Duration::from_secs(1);

/// The thread looks at the clock so often, for the flush that is due by time.
const LOOK: Duration = Duration::from_secs(60);

/// Where the newest goal is put.
#[derive(Clone, Default)]
pub(crate) struct GoalSlot(Arc<Mutex<Option<NewGoal>>>);

/// Its number, and the view whose candidate it is.
type NewGoal = (u64, Arc<ChainView>);

impl GoalSlot {
    /// Puts a goal in; one that was not taken yet is replaced.
    pub(crate) fn put(&self, number: u64, view: Arc<ChainView>) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|(known, _)| *known <= number) {
            *slot = Some((number, view));
        }
    }

    fn take(&self) -> Option<NewGoal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Whether the thread is to go on.
#[derive(Clone, Default)]
pub(crate) struct StopSign(Arc<AtomicU8>);

impl StopSign {
    /// To end, with a flush.
    pub(crate) fn shut_down(&self) {
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// To end at once, as if killed.
    pub(crate) fn abandon(&self) {
        self.0.fetch_max(2, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All that the thread owns or is given.
pub(crate) struct Parts {
    pub(crate) view: Arc<ChainView>,
    pub(crate) tip: BlockRef,
    /// What the coins on disk say that they are of: all zero if there are none.
    pub(crate) on_disk: BlockHash,
    pub(crate) coins: SharedCoins,
    pub(crate) coins_db: tipward_coins::CoinsDb,
    pub(crate) undo: UndoFiles,
    pub(crate) reader: BlockReader,
    pub(crate) sources: load::Sources,
    pub(crate) handoff: Handoff,
    pub(crate) loader: Loader,
    pub(crate) scripts: ScriptPool,
    pub(crate) flusher: Flusher,
    pub(crate) writer: Sender<Control>,
    pub(crate) disk: Option<Disk>,
    pub(crate) goals: GoalSlot,
    pub(crate) stop: StopSign,
    pub(crate) queries: Receiver<Query>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) bell: Bell,
    pub(crate) heard: Receiver<()>,
    pub(crate) sink: Sink,
    pub(crate) settings: Settings,
}

/// What may be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) assume_valid: BlockHash,
    pub(crate) lead: LeadBounds,
    pub(crate) ahead_blocks: usize,
    pub(crate) ahead_bytes: usize,
    pub(crate) flush_interval: Duration,
    pub(crate) flush_deadline: Duration,
    pub(crate) points: FaultPoints,
}

/// The thread's state.
pub(crate) struct Connect {
    view: Arc<ChainView>,
    frontiers: Frontiers,
    /// The tip that was told last.
    published: BlockRef,
    goal: Goal,
    coins: SharedCoins,
    coins_db: tipward_coins::CoinsDb,
    undo: UndoFiles,
    undo_reader: UndoReader,
    reader: BlockReader,
    sources: load::Sources,
    handoff: Handoff,
    loader: Loader,
    ahead: Ahead,
    lead: Lead,
    scripts: ScriptPool,
    /// The block after the lead breaks a rule; to be said when the lead is verified.
    refused: Option<(BlockRef, Reject)>,
    flushes: Flushes,
    pruning: Pruning,
    waiting: Waiting,
    goals: GoalSlot,
    stop: StopSign,
    queries: Receiver<Query>,
    counters: Arc<Counters>,
    bell: Bell,
    heard: Receiver<()>,
    sink: Sink,
    settings: Settings,
    /// The last failure that may pass, since nothing has worked, and when to try again.
    paused: Option<(Fault, Instant)>,
    /// Whether scripts were assumed valid last; for the log.
    assumed_valid: Option<bool>,
}

/// Where to go.
struct Goal {
    /// Of those that are not settled.
    number: Option<u64>,
    /// `None`: as far as we know, there is nowhere to go.
    target: Option<BlockRef>,
}

impl Connect {
    fn new(parts: Parts) -> Self {
        let Settings {
            lead,
            ahead_blocks,
            ahead_bytes,
            ..
        } = parts.settings;
        Self {
            view: parts.view,
            frontiers: Frontiers::new(parts.tip),
            published: parts.tip,
            goal: Goal {
                number: None,
                target: None,
            },
            coins: parts.coins,
            coins_db: parts.coins_db,
            undo_reader: parts.undo.reader(),
            undo: parts.undo,
            reader: parts.reader,
            sources: parts.sources,
            handoff: parts.handoff,
            loader: parts.loader,
            ahead: Ahead::new(ahead_blocks, ahead_bytes),
            lead: Lead::new(lead),
            scripts: parts.scripts,
            refused: None,
            flushes: Flushes::new(parts.flusher, parts.on_disk),
            pruning: Pruning::new(parts.disk, parts.writer),
            waiting: Waiting::default(),
            goals: parts.goals,
            stop: parts.stop,
            queries: parts.queries,
            counters: parts.counters,
            bell: parts.bell,
            heard: parts.heard,
            sink: parts.sink,
            settings: parts.settings,
            paused: None,
            assumed_valid: None,
        }
    }

    /// The thread. Runs until it is told to stop, or fails for good; returns how it ended.
    pub(crate) fn run(parts: Parts) -> Result<(), Fault> {
        let sink = parts.sink.clone();
        let ended = catch_unwind(AssertUnwindSafe(move || Self::new(parts).turns()))
            .unwrap_or_else(|panic| {
                Err(lasting(format!(
                    "the thread that connects blocks panicked, which is a bug of ours: {}",
                    panic_message(&*panic)
                )))
            });
        if let Err(fault) = &ended {
            sink.send(Event::Fault(fault.clone()));
        }
        ended
    }

    fn turns(mut self) -> Result<(), Fault> {
        loop {
            match self.stop.get() {
                0 => {}
                1 => return self.shut_down(),
                _ => return Ok(()),
            }
            let turn = self.look_around().and_then(|()| self.turn());
            self.count();
            match turn {
                Ok(true) => {
                    self.paused = None;
                    continue;
                }
                Ok(false) => {
                    if self.paused.as_ref().is_some_and(|p| p.1 <= Instant::now()) {
                        self.paused = None;
                    }
                }
                Err(fault) if fault.may_pass => self.pause(fault),
                Err(fault) => return Err(fault),
            }
            let wake = match &self.paused {
                Some((_, again)) => again.saturating_duration_since(Instant::now()),
                None => LOOK,
            };
            // A ring, or time: both mean to look again.
            let _ = self.heard.recv_timeout(wake);
        }
    }

    /// Takes in what others have put in their places.
    fn look_around(&mut self) -> Result<(), Fault> {
        self.take_goal();
        self.take_loaded()?;
        self.take_flushed()?;
        self.take_pruned()?;
        self.take_queries();
        self.answer()
    }

    /// One step; false if there was nothing to do.
    fn turn(&mut self) -> Result<bool, Fault> {
        if let Some((_, again)) = &self.paused
            && Instant::now() < *again
        {
            return Ok(false);
        }
        Ok(self.commit()?
            || self.condemn()?
            || self.prune()?
            || self.begin_flush_if_due()?
            || self.take_back()?
            || self.advance()?
            || self.settle())
    }

    /// Waits for room, and says so once.
    fn pause(&mut self, fault: Fault) {
        if self.paused.as_ref().map(|(told, _)| told) != Some(&fault) {
            self.sink.send(Event::Fault(fault.clone()));
        }
        self.paused = Some((fault, Instant::now() + RETRY));
    }

    fn take_goal(&mut self) {
        let Some((number, view)) = self.goals.take() else {
            return;
        };
        self.view = view;
        let target = block_ref(self.view.candidate(), &self.view);
        self.goal = Goal {
            number: Some(number),
            target: Some(target),
        };
        let connected = self.frontiers.connected().id;
        self.ahead.retarget(&self.view, connected, target.id);
        if let Some((refused, _)) = &self.refused
            && !self.view.tree().is_ancestor(refused.id, target.id)
        {
            self.refused = None;
        }
    }

    /// The goal is reached, if nothing is left to do; or given up.
    fn settle(&mut self) -> bool {
        let reached = self
            .goal
            .target
            .is_none_or(|target| target == self.frontiers.connected());
        if !reached || !self.lead.is_empty() || self.goal.number.is_none() {
            return false;
        }
        if self.goal.target.is_some() {
            self.publish();
        }
        self.say_settled();
        true
    }

    fn say_settled(&mut self) {
        if let Some(goal) = self.goal.number.take() {
            self.sink.send(Event::Chain(ChainEvent::Settled { goal }));
        }
    }

    /// Tells the verified tip.
    fn publish(&mut self) {
        let tip = self.frontiers.verified();
        if tip != self.published {
            self.published = tip;
            self.coins.tell(tip, self.lead.len());
            let event = ChainEvent::TipMoved { tip: tip.hash };
            self.sink.send(Event::Chain(event));
        }
    }

    fn count(&self) {
        let counters = &*self.counters;
        let goal = self.goal.target.unwrap_or(self.frontiers.connected());
        Counters::set(&counters.connected, self.frontiers.connected().height);
        Counters::set(&counters.verified, self.frontiers.verified().height);
        Counters::set(&counters.flushed, self.frontiers.flushed().height);
        Counters::set(&counters.goal, goal.height);
        let (memory, dirty) = {
            let coins = &self.coins.read().coins;
            (coins.memory(), coins.dirty())
        };
        Counters::set(&counters.cache_bytes, memory);
        Counters::set(&counters.dirty_coins, dirty);
        Counters::set(&counters.lead_blocks, self.lead.len() as u64);
        Counters::set(&counters.ready_blocks, self.ahead.len() as u64);
        Counters::set(&counters.script_queue, self.scripts.waiting() as u64);
        Counters::set(&counters.flushing, u64::from(self.flushes.is_running()));
        Counters::set(&counters.paused, u64::from(self.paused.is_some()));
    }
}
