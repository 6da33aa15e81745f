//! The thread that JSON-RPC and REST are answered on, and what it may take while the node catches up.
//!
//! Who calls as fast as answers come would take half of the machine from a sync that has no core to spare. Calls therefore have a
//! thread of their own: all that answers take of a processor (sockets, HTTP, JSON) is then what this thread has used. While
//! the node catches up, it stays away after each use until that is no more than a share of the machine. What is asked
//! meanwhile waits in the sockets: nobody is preferred, nothing is refused, and all of it is taken up at once, which costs less
//! than one after the other. As long as all together ask for less than the share, every answer comes at once.
//!
//! Not counted is work for an answer that others do: the blocking threads (blocks, coins) and the driver.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::node::NodeHandle;

/// Part of all cores that answers may take while the node catches up. The callers, if they run on the same machine, take
/// about half as much again (docs/performance.md), so that a sync which could use every core takes less than a twentieth longer.
const SHARE: f64 = 0.03;
/// A thread that is late by up to so much makes up for it, and so much of the share may be used at once after a rest.
const CREDIT: Duration = Duration::from_millis(10);
/// Shorter pauses cost more than they save; the use counts all the same, and with more of it a pause comes.
const SHORTEST: Duration = Duration::from_millis(1);
/// Nobody waits longer than this for a use that was dear.
const LONGEST: Duration = Duration::from_millis(100);
/// Tasks that run before sockets are looked at again: all that are ready, so that a pause comes between two answers on a
/// connection.
const ROUND: u32 = 4096;

/// The runtime of the calls; it ends with this value.
pub(super) struct RpcRuntime {
    handle: Handle,
    budget: Arc<Budget>,
    _running: oneshot::Sender<Infallible>,
}

impl RpcRuntime {
    /// Starts it.
    pub(super) fn start() -> anyhow::Result<Self> {
        let budget = Arc::<Budget>::default();
        let pausing = Arc::clone(&budget);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .thread_name("rpc-blocking")
            .enable_all()
            .event_interval(ROUND)
            .on_thread_park(move || pausing.pause())
            .build()
            .context("cannot start the thread for JSON-RPC")?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("rpc".to_owned())
            .spawn(move || {
                // Nothing is ever sent: this comes when the sender is dropped.
                let _ = runtime.block_on(ended);
                runtime.shutdown_background();
            })
            .context("cannot start the thread for JSON-RPC")?;
        Ok(Self {
            handle,
            budget,
            _running: running,
        })
    }

    /// To run tasks on it.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// From now on this node says whether it catches up; before that nothing is held back.
    pub(super) fn follow(&self, node: NodeHandle) {
        let _ = self.budget.node.set(node);
    }
}

/// What the thread may use.
#[derive(Default)]
struct Budget {
    node: OnceLock<NodeHandle>,
    account: Mutex<Account>,
}

impl Budget {
    /// Called by the thread when it has nothing to do.
    fn pause(&self) {
        let used = thread_time();
        let share = self.node.get().filter(|node| catches_up(node)).map(|_| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            SHARE * cores as f64
        });
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = account.pause(Instant::now(), used, share);
        drop(account);
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
}

/// What the thread has used, and from when on it may use more.
#[derive(Debug, Default)]
struct Account {
    /// Processor time that was counted.
    used: Duration,
    free_from: Option<Instant>,
}

impl Account {
    /// How long to stay away now that so much has been used in all, to keep to this share of one core; without a share nothing
    /// counts.
    fn pause(&mut self, now: Instant, used: Duration, share: Option<f64>) -> Duration {
        let new = used.saturating_sub(std::mem::replace(&mut self.used, used));
        let Some(share) = share else {
            self.free_from = None;
            return Duration::ZERO;
        };
        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
        let since = self.free_from.map_or(earliest, |free| free.max(earliest));
        let free_from = (since + new.div_f64(share)).min(now + LONGEST);
        self.free_from = Some(free_from);
        let pause = free_from.saturating_duration_since(now);
        if pause < SHORTEST {
            Duration::ZERO
        } else {
            pause
        }
    }
}

/// Blocks are missing that the node has headers of, and it has not been at the tip yet.
fn catches_up(node: &NodeHandle) -> bool {
    let view = node.view.load();
    view.tip() != view.best_header() && view.is_initial_block_download(node.clock.now())
}

/// Processor time of the calling thread so far.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
