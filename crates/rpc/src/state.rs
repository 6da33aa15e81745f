use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::Backend;
use crate::methods::LastInfo;
use crate::scan_slot::ScanSlot;

/// What all requests share.
pub(crate) struct State {
    backend: OnceLock<Arc<dyn Backend>>,
    warmup: Mutex<String>,
    stopping: watch::Sender<bool>,
    stop_flag: AtomicBool,
    active: Mutex<ActiveCalls>,
    /// The scan of the coin set, if one runs.
    pub(crate) scan: Arc<ScanSlot>,
    /// The last answer of `getblockchaininfo`.
    pub(crate) last_info: LastInfo,
}

#[derive(Default)]
struct ActiveCalls {
    next: u64,
    calls: BTreeMap<u64, (&'static str, Instant)>,
}

impl State {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            backend: OnceLock::new(),
            warmup: Mutex::new("RPC server started".into()),
            stopping: watch::Sender::new(false),
            stop_flag: AtomicBool::new(false),
            active: Mutex::default(),
            scan: Arc::default(),
            last_info: LastInfo::default(),
        })
    }

    /// The node, or what it is still busy with.
    pub(crate) fn backend(&self) -> Result<&Arc<dyn Backend>, String> {
        self.backend.get().ok_or_else(|| lock(&self.warmup).clone())
    }

    pub(crate) fn set_warmup(&self, message: String) {
        *lock(&self.warmup) = message;
    }

    /// Ends the warm-up; a second call changes nothing.
    pub(crate) fn set_ready(&self, backend: Arc<dyn Backend>) {
        let _ = self.backend.set(backend);
    }

    /// Whether the server has begun to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Comes when the server begins to stop.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.stopping.subscribe();
        async move {
            // An error means that this state is gone, and with it the server.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// The same as [`Self::is_stopping`], for work that takes long on a thread of its own.
    pub(crate) fn stop_flag(&self) -> &AtomicBool {
        &self.stop_flag
    }

    pub(crate) fn stop(&self) {
        self.stop_flag.store(true, Ordering::Release);
        self.stopping.send_replace(true);
    }

    /// Notes that a call runs, until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, method: &'static str) -> ActiveCall {
        let mut active = lock(&self.active);
        let number = active.next;
        active.next += 1;
        active.calls.insert(number, (method, Instant::now()));
        ActiveCall {
            state: Arc::clone(self),
            number,
        }
    }

    /// Methods of the calls that run, and for how long they have, oldest first.
    pub(crate) fn active_calls(&self) -> Vec<(&'static str, Duration)> {
        lock(&self.active)
            .calls
            .values()
            .map(|(method, since)| (*method, since.elapsed()))
            .collect()
    }
}

/// A call that runs.
pub(crate) struct ActiveCall {
    state: Arc<State>,
    number: u64,
}

impl Drop for ActiveCall {
    fn drop(&mut self) {
        lock(&self.state.active).calls.remove(&self.number);
    }
}

/// Nothing here can be left half changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
