//! Reject reasons, read from the lines that libbitcoinkernel logs.
//!
//! The library logs through one global object, whose lines come in the thread that causes them. So a line is kept only
//! if that thread is just handing a block to an oracle; oracles in other threads keep their own.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::sync::Once;

use bitcoinkernel::{KernelError, Log, Logger};

thread_local! {
    /// The lines that this thread has caused, while it listens.
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

struct ToThread;

impl Log for ToThread {
    fn log(&self, line: &str) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push(line.to_owned());
            }
        });
    }
}

/// Listens from now on, for the life of the program; asking again changes nothing.
pub(crate) fn start() -> Result<(), KernelError> {
    static STARTED: Once = Once::new();
    let mut result = Ok(());
    STARTED.call_once(|| match Logger::new(ToThread) {
        // Dropped, it would stop for all oracles.
        Ok(logger) => std::mem::forget(logger),
        Err(error) => result = Err(error),
    });
    result
}

/// Runs `task` and returns what it returned with the lines that it caused in this thread.
pub(crate) fn lines_of<T>(task: impl FnOnce() -> T) -> (T, Vec<String>) {
    LINES.set(Some(Vec::new()));
    let result = task();
    (result, LINES.take().unwrap_or_default())
}

/// A block that a line says was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedLine {
    /// Its hash, if the line tells it: the line about the block that was handed in does not.
    pub(crate) block: Option<String>,
    /// Bitcoin Core's reject reason.
    pub(crate) reason: String,
    /// What it adds for people.
    pub(crate) detail: String,
}

/// Reads a line, if it says that a block was refused.
pub(crate) fn refused(line: &str) -> Option<RefusedLine> {
    let line = line.trim_end();
    if let Some((_, rest)) = line.split_once("AcceptBlock FAILED (") {
        return Some(reason(None, rest.strip_suffix(')')?));
    }
    let (_, rest) = line.split_once("ConnectBlock ")?;
    let (block, words) = rest.split_once(" failed, ")?;
    Some(reason(Some(block.to_owned()), words))
}

fn reason(block: Option<String>, words: &str) -> RefusedLine {
    let (reason, detail) = words.split_once(", ").unwrap_or((words, ""));
    RefusedLine {
        block,
        reason: reason.to_owned(),
        detail: detail.to_owned(),
    }
}
