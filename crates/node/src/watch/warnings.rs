//! What an operator should see, and what of it is worth a line in the log when it begins.

use std::time::Duration;

use tipward_primitives::Timestamp;
use tipward_validation::Progress;
use tipward_watch::Status;

use super::figures::Asked;
use crate::config::PeersConfig;
use crate::wall_clock;

/// Free room below this is worth a warning: a few hours of blocks at the tip, a minute of a sync.
const LITTLE_ROOM: u64 = 2_000_000_000;
/// A clock that differs so much from the peers' is worth a warning, as in Core.
const MOST_OFFSET: i64 = 10 * 60;
/// So long without a peer is worth a warning: the built-in addresses have had a minute by then.
const ALONE: Duration = Duration::from_secs(120);

/// Remembers what was said.
#[derive(Default)]
pub(super) struct Warnings {
    /// Since when there is no peer.
    alone_since: Option<Timestamp>,
    told_alone: bool,
    told_clock: bool,
}

/// What is looked at.
pub(super) struct Seen<'a> {
    pub(super) status: &'a Status,
    pub(super) asked: &'a Asked,
    pub(super) progress: &'a Progress,
    pub(super) now: Timestamp,
    /// Bytes free, and of the whole file system.
    pub(super) room: (u64, u64),
    pub(super) peers: &'a PeersConfig,
}

impl Warnings {
    pub(super) fn of(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let snapshot = seen.asked.snapshot();
        let mut warnings = Vec::new();
        if seen.progress.paused {
            warnings.push("Validation waits for room on the disk: see the log".to_owned());
        }
        if snapshot.download.paused {
            warnings.push("The download waits for the disk: see the log".to_owned());
        }
        let (free, size) = seen.room;
        if size > 0 && free < LITTLE_ROOM {
            let mb = free / 1_000_000;
            warnings.push(format!("Only {mb} MB are free on the disk"));
        }
        let clock = self.clock(seen.now, snapshot.time_offset);
        warnings.extend(clock);
        if !snapshot.network_active {
            warnings.push("The network is switched off (setnetworkactive)".to_owned());
        }
        warnings.extend(self.alone(seen));
        let late = seen.status.strip.front.filter(|front| front.late);
        if let Some(front) = late.filter(|front| front.waited > 10_000) {
            let seconds = front.waited / 1000;
            warnings.push(format!(
                "Block {} has been awaited from peer {} for {seconds} s",
                front.height, front.peer
            ));
        }
        warnings
    }

    fn clock(&mut self, now: Timestamp, offset: i64) -> Option<String> {
        let differs = offset.abs() > MOST_OFFSET;
        let warning = differs.then(|| wall_clock::differs(offset));
        let warning = warning.or_else(|| wall_clock::warning(now));
        note(&mut self.told_clock, warning.as_deref());
        warning
    }

    /// There has been no peer for long, though one is wanted.
    fn alone(&mut self, seen: &Seen<'_>) -> Option<String> {
        let nobody_wanted = matches!(&seen.peers.connect, Some(peers) if peers.is_empty())
            || seen.peers.max_connections == 0
            || !seen.asked.snapshot().network_active;
        if nobody_wanted || seen.status.ready_peers() > 0 {
            self.alone_since = None;
            self.told_alone = false;
            return None;
        }
        let since = *self.alone_since.get_or_insert(seen.now);
        let alone = seen.now.since(since);
        if alone < ALONE {
            return None;
        }
        let minutes = alone.as_secs() / 60;
        let known = seen.status.traffic.known_addresses;
        let what = if seen.peers.connect.is_some() {
            "none of those that --connect names can be reached: check their addresses, and that they run and accept \
             connections"
                .to_owned()
        } else if known == 0 {
            "no address of one is known: check this machine's connection to the internet and its name servers, or name a \
             peer with --addnode"
                .to_owned()
        } else {
            format!(
                "{known} addresses are known and none of those tried answers: check this machine's connection to the \
                 internet, its firewall (outbound TCP) and --proxy, or name a peer with --addnode"
            )
        };
        let warning = format!("There has been no peer for {minutes} min; {what}");
        note(&mut self.told_alone, Some(&warning));
        Some(warning)
    }
}

/// Logs a warning when it begins.
fn note(told: &mut bool, warning: Option<&str>) {
    if let Some(warning) = warning
        && !*told
    {
        tracing::warn!(target: "node", "{warning}");
    }
    *told = warning.is_some();
}
