//! Whether a node lives, and whether what it says is up to date: for load balancers and supervisors.

use std::time::Duration;

use crate::{Phase, Status};

/// A status that is older than this says that the node is stuck.
const STALE: Duration = Duration::from_secs(30);
/// A node that is so many blocks behind its best header is ready all the same: a new block takes a moment to validate.
const NEARLY: u32 = 2;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// All is well.
    pub ok: bool,
    /// In one line, why it is or is not.
    pub why: String,
}

/// Whether the node lives: it answers, whatever it is busy with. `age` is how long ago the status was made.
pub fn health(status: &Status, age: Duration) -> Health {
    let ok = age < STALE;
    let why = match (ok, status.phase) {
        (false, _) => format!("the node has not answered for {} s", age.as_secs()),
        (true, phase) => phase.name().to_owned(),
    };
    Health { ok, why }
}

/// Whether what the node says of the chain is up to date: it lives, initial block download is over, it knows somebody, and
/// its tip is the best header or nearly so.
pub fn ready(status: &Status, age: Duration) -> Health {
    let lives = health(status, age);
    let not = |why: String| Health { ok: false, why };
    if !lives.ok {
        return lives;
    }
    match status.phase {
        Phase::Starting => not(format!("starting: {}", status.message)),
        Phase::Paused => not(format!("paused: {}", status.message)),
        _ if status.behind() > NEARLY => not(format!("{} blocks behind", status.behind())),
        _ if status.sync.initial_block_download => not("in initial block download".to_owned()),
        _ if status.ready_peers() == 0 => not("without peers".to_owned()),
        _ => Health {
            ok: true,
            why: format!("at height {}", status.sync.tip),
        },
    }
}

#[cfg(test)]
mod tests;
