//! Whether the process may have as many files and sockets open as it needs.

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the node has open beside its peers at most: block and undo files for reading (64), the store of the coins (256), logs,
/// the runtime's own.
const FILES: u64 = 384;

/// Callers of JSON-RPC for whom there should be room; whoever comes beyond waits.
const CALLERS: u64 = 64;

/// Raises the process's limit to what is needed, and returns how many of `wanted` connections there is room for.
///
/// # Errors
/// If there is not even enough for the files.
pub(crate) fn connections(wanted: usize, listeners: usize) -> anyhow::Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    let others = FILES + listeners as u64;
    let needed = others + CALLERS + wanted as u64;
    let (soft, hard) = (
        limit.current.unwrap_or(u64::MAX),
        limit.maximum.unwrap_or(u64::MAX),
    );
    let mut soft = soft;
    if soft < needed {
        let raised = needed.min(hard);
        let new = Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        };
        // What cannot be raised is too low; that is looked at below.
        if setrlimit(Resource::Nofile, new).is_ok() {
            soft = raised;
        }
    }
    room(soft, wanted, others)
}

fn room(limit: u64, wanted: usize, others: u64) -> anyhow::Result<usize> {
    ensure!(
        limit >= others,
        "the process may have {limit} files open and needs {others}, and one more for each connection: raise the limit \
         (ulimit -n, or LimitNOFILE= of a service)"
    );
    let room = usize::try_from(limit - others).unwrap_or(usize::MAX);
    // Callers get what is left, but for some.
    let room = room.saturating_sub(usize::try_from(CALLERS)?.min(room / 4));
    Ok(wanted.min(room))
}

#[cfg(test)]
mod tests;
