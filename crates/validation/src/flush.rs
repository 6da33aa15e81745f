//! The flush stage: one thread that writes frozen coins beside the next blocks, and merges what it has written when there is
//! nothing to write.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tipward_chain::Fault;
use tipward_coins::{CoinsDb, Flushed, Frozen};
use tipward_primitives::BlockHash;

use crate::bell::Bell;
use crate::faults::{FaultPoints, coins_fault, ended, lasting};
use crate::ticket::{Event, Sink, panic_message};
use crate::write::Control;

/// A flush that failed for lack of room is tried again so often.
const RETRY: Duration = Duration::from_secs(1);

/// Coins to be written.
pub(crate) struct Order {
    pub(crate) frozen: Arc<Frozen>,
    pub(crate) from: BlockHash,
    pub(crate) to: BlockHash,
}

/// How a flush ended.
pub(crate) type Flushing = Result<Flushed, Fault>;

/// The thread of the stage. It ends when this is dropped.
pub(crate) struct Flusher {
    orders: Option<Sender<Order>>,
    done: Receiver<Flushing>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// `writer` is asked to sync blocks and headers first: coins on disk are never of a block that is not.
    pub(crate) fn start(
        coins: CoinsDb,
        writer: Sender<Control>,
        sink: Sink,
        points: FaultPoints,
        bell: Bell,
    ) -> io::Result<Self> {
        let (orders, queue) = bounded::<Order>(1);
        let (results, done) = bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let stage = Stage {
            coins,
            writer,
            sink,
            points,
            stop: Arc::clone(&stop),
        };
        let thread = thread::Builder::new()
            .name("flush".to_owned())
            .spawn(move || {
                while let Some(order) = stage.next(&queue) {
                    let flushed = catch_unwind(AssertUnwindSafe(|| stage.flush(&order)));
                    let flushed = flushed.unwrap_or_else(|panic| {
                        Err(lasting(format!(
                            "writing the coins panicked, which is a bug of ours: {}",
                            panic_message(&*panic)
                        )))
                    });
                    let _ = results.send(flushed);
                    bell.ring();
                }
            })?;
        Ok(Self {
            orders: Some(orders),
            done,
            stop,
            thread: Some(thread),
        })
    }

    /// Begins a flush. There is never more than one.
    pub(crate) fn begin(&self, order: Order) -> Result<(), Fault> {
        let sent = self.orders.as_ref().is_some_and(|o| o.send(order).is_ok());
        if sent {
            Ok(())
        } else {
            Err(ended("writes the coins"))
        }
    }

    /// How the flush ended, if it has.
    pub(crate) fn ended(&self) -> Option<Flushing> {
        self.done.try_recv().ok()
    }

    /// Waits for the end of the flush; after `deadline` it is stopped.
    pub(crate) fn wait(&self, deadline: Instant) -> Flushing {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.done.recv_timeout(left) {
            Ok(done) => done,
            Err(RecvTimeoutError::Disconnected) => Err(ended("writes the coins")),
            Err(RecvTimeoutError::Timeout) => {
                self.stop();
                self.done
                    .recv()
                    .unwrap_or_else(|_| Err(ended("writes the coins")))
            }
        }
    }

    /// Stops the running flush, and every later one.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop();
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Panics are caught within.
            let _ = thread.join();
        }
    }
}

struct Stage {
    coins: CoinsDb,
    writer: Sender<Control>,
    sink: Sink,
    points: FaultPoints,
    stop: Arc<AtomicBool>,
}

impl Stage {
    /// The next order. Until there is one, what was written is merged.
    fn next(&self, queue: &Receiver<Order>) -> Option<Order> {
        let pause = || !queue.is_empty() || self.stop.load(Ordering::Relaxed);
        let merged = catch_unwind(AssertUnwindSafe(|| self.coins.merge(pause)));
        let fault = match merged {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(coins_fault(&error)),
            Err(panic) => Some(lasting(format!(
                "merging the coins panicked, which is a bug of ours: {}",
                panic_message(&*panic)
            ))),
        };
        match fault {
            // Coins are only found faster by it: the next flush is soon enough to try again, and to complain.
            Some(fault) if fault.may_pass => tracing::debug!(%fault, "coins are not merged"),
            Some(fault) => self.sink.send(Event::Fault(fault)),
            None => {}
        }
        queue.recv().ok()
    }

    /// Tries until it is done, or is stopped, or fails for good.
    fn flush(&self, order: &Order) -> Flushing {
        let mut told = None;
        loop {
            match self.try_flush(order) {
                Err(fault) if fault.may_pass => {
                    if told.as_ref() != Some(&fault) {
                        self.sink.send(Event::Fault(fault.clone()));
                        told = Some(fault);
                    }
                    let again = Instant::now() + RETRY;
                    while Instant::now() < again {
                        if self.stop.load(Ordering::Relaxed) {
                            return Ok(Flushed::Stopped);
                        }
                        thread::sleep(Duration::from_millis(20));
                    }
                }
                done => return done,
            }
        }
    }

    fn try_flush(&self, order: &Order) -> Flushing {
        self.points.pass("before the flush's sync")?;
        let (reply, synced) = bounded(1);
        let asked = self.writer.send(Control::Flush(reply));
        asked.map_err(|_| ended("writes blocks"))?;
        synced.recv().map_err(|_| ended("writes blocks"))??;
        self.points.pass("before the flush")?;
        let unfinished = self.points.pass("within the flush");
        if unfinished.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        let began = Instant::now();
        let flushed = self
            .coins
            .write(&order.frozen, order.from, order.to, &self.stop)
            .map_err(|e| coins_fault(&e))?;
        tracing::debug!(
            changes = order.frozen.changes(),
            took = ?began.elapsed(),
            ?flushed,
            to = %order.to,
            "flushed coins"
        );
        unfinished?;
        self.points.pass("after the flush")?;
        Ok(flushed)
    }
}
