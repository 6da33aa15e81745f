//! The coins in memory, which the connect thread changes and readers look into beside it.
//!
//! # Who waits for whom
//! The connect thread alone takes the lock to write, for as long as it takes to put one block's coins in place: some milliseconds
//! for a full block, some tens of them if a table grows by that. It judges blocks, waits for scripts and for the disk, and
//! writes undo data without it. So a reader waits for the change that one block makes, at most. Readers hold the lock for one
//! look-up in memory each, and never while they read the store.
//!
//! # Correctness
//! An answer is of the told tip, whatever was connected since: the [`Trail`] leads back there. What memory does not know is
//! read from the store after the lock was given back. That holds if memory has forgotten nothing meanwhile and still does not
//! know the outpoint, because whatever reaches the store goes through memory first.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use tipward_chain::{BlockRef, Fault};
use tipward_coins::{CoinCache, CoinsDb, Frozen, OutPointKey, SpentCoins};

use super::LeadBounds;
use super::apply;
use super::trail::Trail;
use crate::faults::{coins_fault, ended};
use crate::handle::CoinAnswer;
use crate::prepared::PreparedBlock;

/// Bytes of blocks that a trail may hold beside those of the lead: what a reorganization takes back and connects before it
/// is told. A longer one is seen by readers on its way.
const MOST_BESIDE_LEAD: usize = 32 << 20;

/// The connect thread's.
pub(crate) struct SharedCoins(Arc<Shared>);

/// Of those who read. It ends with the connect thread.
#[derive(Clone)]
pub(crate) struct CoinsReader(Weak<Shared>);

struct Shared {
    state: RwLock<State>,
    db: CoinsDb,
}

pub(super) struct State {
    pub(super) coins: CoinCache,
    told: BlockRef,
    /// Shared with readers that walk along it, who need not hold the lock for that.
    trail: Arc<Trail>,
}

impl SharedCoins {
    /// `tip` is the block that the coins are of, and that was told.
    pub(crate) fn new(coins: CoinCache, db: CoinsDb, tip: BlockRef, lead: LeadBounds) -> Self {
        let most_bytes = lead.bytes.saturating_add(MOST_BESIDE_LEAD);
        let state = State {
            coins,
            told: tip,
            trail: Arc::new(Trail::new(most_bytes)),
        };
        Self(Arc::new(Shared {
            state: RwLock::new(state),
            db,
        }))
    }

    pub(crate) fn reader(&self) -> CoinsReader {
        CoinsReader(Arc::downgrade(&self.0))
    }

    /// To look only: nobody else waits for it.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        let state = &self.0.state;
        state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects a block. If the way from the told tip becomes too long by that, `verified` is told, on top of which `ahead`
    /// blocks are connected then.
    pub(super) fn connect(
        &self,
        prepared: &Arc<PreparedBlock>,
        spent: &Arc<SpentCoins>,
        (verified, ahead): (BlockRef, usize),
    ) {
        let mut state = self.write();
        apply::connect(prepared, &mut state.coins);
        if Arc::make_mut(&mut state.trail).connected(prepared, spent) {
            state.tell(verified, ahead);
        }
    }

    /// Takes the last block back; the rest as above.
    pub(super) fn disconnect(
        &self,
        prepared: &Arc<PreparedBlock>,
        spent: &SpentCoins,
        (verified, ahead): (BlockRef, usize),
    ) {
        let mut state = self.write();
        apply::disconnect(prepared, spent, &mut state.coins);
        if Arc::make_mut(&mut state.trail).taken_back(prepared) {
            state.tell(verified, ahead);
        }
    }

    /// `tip` was told, on top of which `ahead` blocks are connected.
    pub(super) fn tell(&self, tip: BlockRef, ahead: usize) {
        self.write().tell(tip, ahead);
    }

    pub(super) fn freeze(&self) -> Arc<Frozen> {
        // What is forgotten is large: its memory is given back while nobody waits.
        let forgotten = self.write().coins.forget_written();
        drop(forgotten);
        self.write().coins.freeze()
    }

    pub(super) fn thaw_done(&self) {
        self.write().coins.thaw_done();
    }
}

impl State {
    fn tell(&mut self, tip: BlockRef, ahead: usize) {
        self.told = tip;
        Arc::make_mut(&mut self.trail).keep(ahead);
    }

    /// Looks in memory alone; false if it does not know whether there is such a coin.
    fn remembers(&self, key: &OutPointKey, to: &mut SpentCoins) -> Result<bool, Fault> {
        if self.coins.missing(key) {
            return Ok(false);
        }
        let fetched = self.coins.fetch(key, to);
        fetched.map(|_| true).map_err(|e| coins_fault(&e))
    }

    /// The told tip, and the way back to it.
    fn told(&self) -> (BlockRef, Arc<Trail>) {
        (self.told, Arc::clone(&self.trail))
    }
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CoinsReader {
    /// Looks for a coin of the told tip.
    pub(crate) fn coin(&self, key: &OutPointKey) -> Result<CoinAnswer, Fault> {
        let gone = || ended("connects blocks");
        let shared = self.0.upgrade().ok_or_else(gone)?;
        let mut found = SpentCoins::new();
        // Every turn but the last one takes a flush that begins meanwhile.
        let (told, trail) = loop {
            let epoch = {
                let state = shared.read();
                if state.remembers(key, &mut found)? {
                    break state.told();
                }
                state.coins.epoch()
            };
            shared
                .db
                .get(key, &mut found)
                .map_err(|e| coins_fault(&e))?;
            let state = shared.read();
            if state.coins.epoch() == epoch && state.coins.missing(key) {
                break state.told();
            }
            found.clear();
        };
        let now = found.get(0);
        Ok(CoinAnswer::new(told, trail.at_told_tip(key, now)))
    }
}
