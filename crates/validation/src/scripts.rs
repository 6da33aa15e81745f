//! The script stage: workers that verify the scripts of connected blocks, the lowest block first, across blocks.
//!
//! A block is a [`ScriptJob`] of chunks of transactions. A worker takes the next chunk of the first block that has one
//! left, so that the last chunks of a block and the first ones of the next are verified at the same time, and nobody waits
//! for a block to be done but the commit.

mod job;

pub(crate) use job::{Outcome, ScriptJob};

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The threads of the stage. They end when it is dropped.
pub(crate) struct ScriptPool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    more: Condvar,
}

#[derive(Default)]
struct Jobs {
    /// Those with chunks that nobody has taken, lowest block first.
    open: VecDeque<Arc<ScriptJob>>,
    ended: bool,
}

impl ScriptPool {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let mut pool = Self {
            queue: Arc::default(),
            threads: Vec::with_capacity(threads),
        };
        for i in 0..threads {
            let queue = Arc::clone(&pool.queue);
            let thread = thread::Builder::new()
                .name(format!("script-{i}"))
                .spawn(move || queue.work())?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Has the scripts of a block verified after those of the blocks before it.
    pub(crate) fn add(&self, job: Arc<ScriptJob>) {
        self.queue.jobs().open.push_back(job);
        self.queue.more.notify_all();
    }

    /// Blocks of which not all chunks have been taken.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.jobs().open.len()
    }
}

impl Drop for ScriptPool {
    fn drop(&mut self) {
        self.queue.jobs().ended = true;
        self.queue.more.notify_all();
        for thread in self.threads.drain(..) {
            // Panics are caught within.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn jobs(&self) -> std::sync::MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            while job.work_on_next_chunk() {}
        }
    }

    /// Waits for a block with chunks left; `None` at the end.
    fn next(&self) -> Option<Arc<ScriptJob>> {
        let mut jobs = self.jobs();
        loop {
            if jobs.ended {
                return None;
            }
            while jobs.open.front().is_some_and(|job| job.is_taken()) {
                jobs.open.pop_front();
            }
            if let Some(job) = jobs.open.front() {
                return Some(Arc::clone(job));
            }
            jobs = self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
