//! Puts a status together from what the parts answered, and from what was counted before.

use std::time::Duration;

use tipward_chain::ChainView;
use tipward_p2p::snapshot::{PeerSnapshot, Snapshot, WindowSnapshot};
use tipward_primitives::Height;
use tipward_validation::{Progress, QueueDepths};
use tipward_watch::{
    Coins, Credits, Disk, Estimate, Estimator, Events, Gauge, NodeFigures, Phase, Queues,
    SizeCurve, Status, Strip, Sync, Totals, Traffic,
};

use super::convert;
use super::path::Path;
use super::process::Slow;
use super::warnings::{Seen, Warnings};
use crate::net::driver::Driver;
use crate::node::NodeHandle;

/// A header may be so much later than we believe now to be, and a chain grows in bursts.
const SURPLUS: u64 = 288;

/// What the driver answers.
pub(super) struct Asked {
    snapshot: Snapshot,
    window: WindowSnapshot,
    depths: QueueDepths,
    messages: usize,
    events: Events,
    known_addresses: usize,
    banned: usize,
}

impl Asked {
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Between two inputs of the driver.
    pub(super) fn of(driver: &mut Driver) -> Self {
        let now = driver.clock.now();
        Self {
            snapshot: driver.machine.snapshot(),
            window: driver.machine.window(now),
            depths: driver.depths(),
            messages: driver.waiting_messages(),
            events: driver.tally.events(),
            known_addresses: driver.machine.addrman().len(),
            banned: driver.machine.bans().bans(now).count(),
        }
    }
}

/// What is remembered from one status to the next.
pub(super) struct Figures {
    node: NodeFigures,
    estimator: Estimator,
    curve: Option<SizeCurve>,
    /// The validated tip, and the last stored block before the first gap.
    validated: Path,
    stored: Path,
    /// Blocks and bytes in the block files, and transactions of the validated chain, when they were looked at last.
    last: (u64, u64, u64),
    totals: Totals,
    slow: Slow,
    warnings: Warnings,
}

impl Figures {
    /// Begins to count. Walks over the whole chain once: a quarter of a second for the main network's.
    pub(super) fn new(node: &NodeHandle, figures: NodeFigures) -> Self {
        let view = node.view();
        let mut new = Self {
            estimator: Estimator::new(&figures.network),
            curve: SizeCurve::of(&figures.network),
            node: figures,
            validated: Path::new(),
            stored: Path::new(),
            last: Self::on_disk(node, &view),
            totals: Totals::default(),
            slow: Slow::default(),
            warnings: Warnings::default(),
        };
        new.walk(node, &view);
        new.totals = Totals::default();
        new
    }

    pub(super) fn take_slow(&mut self, mut slow: Slow) {
        // A thread that has ended takes its time with it; what a counter has said stays said.
        for stage in &mut slow.process.threads {
            let before = self.slow.process.threads.iter();
            if let Some(before) = before.clone().find(|old| old.stage == stage.stage) {
                stage.cpu_seconds = stage.cpu_seconds.max(before.cpu_seconds);
            }
        }
        self.slow = slow;
    }

    fn on_disk(node: &NodeHandle, view: &ChainView) -> (u64, u64, u64) {
        let transactions = view.chain_transactions(view.tip()).unwrap_or(0);
        (
            node.blocks.blocks(),
            node.blocks.size_on_disk(),
            transactions,
        )
    }

    /// Follows the chain, and counts what has come.
    fn walk(&mut self, node: &NodeHandle, view: &ChainView) {
        let curve = self.curve;
        let size_of = |hash: &_, height: Height| match node.blocks.size_of(hash) {
            Some(size) => u64::from(size),
            // A block that is not there any more: as large as others were then.
            None => curve.map_or(0, |curve| curve.between(height, height)),
        };
        let moved = self.validated.go_to(view, view.tip(), size_of);
        let gap = view.first_missing(view.best_header());
        if let Some(last) = view
            .tree()
            .ancestor(view.best_header(), gap.saturating_sub(1))
        {
            self.stored.go_to(view, last, size_of);
        }
        let now = Self::on_disk(node, view);
        let totals = &mut self.totals;
        totals.blocks_validated += moved.blocks;
        totals.bytes_validated += moved.bytes;
        totals.blocks_stored += now.0.saturating_sub(self.last.0);
        totals.bytes_stored += now.1.saturating_sub(self.last.1);
        totals.transactions += now.2.saturating_sub(self.last.2);
        self.last = now;
    }

    /// The status of this moment; `took` is how long the driver took to answer.
    pub(super) fn status(&mut self, node: &NodeHandle, asked: &Asked, took: Duration) -> Status {
        let view = node.view();
        let progress = node.coins.progress();
        self.walk(node, &view);
        self.totals.received = asked.snapshot.totals.received;
        self.totals.sent = asked.snapshot.totals.sent;
        self.node.time = convert::now_ms();
        self.node.uptime = node.started.elapsed().as_millis() as u64;
        let mut sync = self.sync(node, asked, &view, &progress);
        let missing = convert::missing_in_window(&asked.window);
        let window_end = asked.window.front + asked.window.blocks as u32;
        let beyond = u64::from((sync.target + 1).saturating_sub(window_end));
        sync.blocks_missing = missing + beyond;
        let shape = convert::shape(&asked.window, progress.connected, progress.verified);
        let strip = Strip::of(&shape);
        let phase = phase(&sync, asked, &progress);
        let estimate = self.estimate(node, asked, &mut sync, phase);
        let (tips, tips_in_all) = convert::tips(&view);
        let mut status = Status {
            node: self.node.clone(),
            phase,
            message: String::new(),
            sync,
            rates: estimate.rates,
            strip,
            credits: credits(&asked.snapshot),
            queues: queues(asked, &progress, took),
            latencies: convert::latencies(&asked.snapshot.download.arrivals, &progress.times),
            traffic: traffic(asked),
            peers: asked.snapshot.peers.iter().map(convert::peer).collect(),
            left: asked.snapshot.left.iter().map(convert::left).collect(),
            tips,
            tips_in_all,
            coins: self.coins(node, &progress),
            disk: self.disk(node),
            events: Events {
                blocks_stored: self.totals.blocks_stored,
                bytes_stored: self.totals.bytes_stored,
                blocks_validated: self.totals.blocks_validated,
                bytes_validated: self.totals.bytes_validated,
                transactions_validated: self.totals.transactions,
                ..asked.events
            },
            process: self.slow.process.clone(),
            warnings: Vec::new(),
        };
        status.warnings = self.warnings.of(&Seen {
            status: &status,
            asked,
            progress: &progress,
            now: node.clock.now(),
            room: self.slow.room,
            peers: &node.config.peers,
        });
        status.message = message(&status, node.clock.now().as_secs());
        status
    }

    fn sync(
        &self,
        node: &NodeHandle,
        asked: &Asked,
        view: &ChainView,
        progress: &Progress,
    ) -> Sync {
        let best = view.best_header();
        let headers = view.height(best);
        Sync {
            headers,
            best_hash: view.hash(best).to_string(),
            target: target(headers, view.entry(best).time(), asked, node, view),
            presync: asked
                .snapshot
                .peers
                .iter()
                .filter_map(|peer| peer.presync_height)
                .max(),
            stored: view.first_missing(best).saturating_sub(1),
            tip: view.tip_height(),
            tip_hash: view.tip_hash().to_string(),
            tip_time: view.entry(view.tip()).time(),
            connected: progress.connected,
            flushed: progress.flushed,
            initial_block_download: view.is_initial_block_download(node.clock.now()),
            bytes_validated: self.validated.bytes(),
            bytes_waiting: self.stored.bytes().saturating_sub(self.validated.bytes()),
            ..Sync::default()
        }
    }

    /// Fills in what is an estimate.
    fn estimate(
        &mut self,
        node: &NodeHandle,
        asked: &Asked,
        sync: &mut Sync,
        phase: Phase,
    ) -> Estimate {
        // What lies stored behind a gap was not walked over: it is as large as the mean of what is on disk.
        let window = &asked.window;
        let gaps = convert::missing_in_window(window) + window.received.len() as u64;
        let behind_a_gap = (window.blocks as u64).saturating_sub(gaps);
        let mean = self.last.1 / self.last.0.max(1);
        sync.bytes_waiting += behind_a_gap * mean;
        let estimate = self.estimator.add(&Gauge {
            at: node.started.elapsed(),
            done: phase == Phase::Synced,
            missing: (window.front, sync.target, sync.blocks_missing),
            bytes_validated: sync.bytes_validated,
            bytes_waiting: sync.bytes_waiting,
            reorganizations: asked.events.reorganizations,
            totals: self.totals,
        });
        sync.progress = estimate.progress;
        sync.bytes_missing = estimate.bytes_missing;
        sync.eta = estimate.left.map(|left| left.as_secs_f64().round() as u64);
        sync.limit = estimate.limit;
        estimate
    }

    fn coins(&self, node: &NodeHandle, progress: &Progress) -> Coins {
        let flushes = &progress.flushes;
        Coins {
            memory: progress.cache_bytes,
            budget: node.config.sync.db_cache as u64,
            dirty: progress.dirty_coins,
            flushing: progress.flushing,
            written: node.coins_db.written(),
            flushes: flushes.count,
            flush_seconds: flushes.all.as_secs_f64(),
            last_flush_seconds: flushes.last.as_secs_f64(),
        }
    }

    fn disk(&self, node: &NodeHandle) -> Disk {
        Disk {
            block_count: node.blocks.blocks(),
            blocks: node.blocks.size_on_disk(),
            undo: node.undo.size_on_disk(),
            coins: self.slow.coins,
            free: self.slow.room.0,
            size: self.slow.room.1,
        }
    }
}

/// The height that the chain is believed to have. What peers say of it counts only while headers are being fetched, and
/// only as far as it can be true: so many blocks can have come since the best header. Anybody can say anything.
fn target(
    headers: Height,
    best_time: u32,
    asked: &Asked,
    node: &NodeHandle,
    view: &ChainView,
) -> Height {
    if asked.snapshot.header_sync.is_none() {
        return headers;
    }
    let since = node
        .clock
        .now()
        .as_secs()
        .saturating_sub(u64::from(best_time));
    let spacing = u64::from(view.params().pow_target_spacing).max(1);
    let plausible = u64::from(headers) + 2 * since / spacing + SURPLUS;
    let said = asked
        .snapshot
        .peers
        .iter()
        .filter_map(|peer| u64::try_from(peer.starting_height).ok())
        .max();
    let target = said.unwrap_or(0).min(plausible).max(u64::from(headers));
    Height::try_from(target).unwrap_or(headers)
}

fn phase(sync: &Sync, asked: &Asked, progress: &Progress) -> Phase {
    let snapshot = &asked.snapshot;
    let ready = |peer: &&PeerSnapshot| peer.handshake_done;
    let alone = !snapshot.peers.iter().any(|peer| ready(&peer));
    let all_stored = sync.blocks_missing == 0;
    match () {
        () if progress.paused || snapshot.download.paused => Phase::Paused,
        () if sync.presync.is_some() => Phase::Headers,
        () if snapshot.header_sync.is_some()
            && sync.target > sync.headers
            && (sync.tip == sync.headers || sync.target - sync.headers > 2000) =>
        {
            Phase::Headers
        }
        () if !all_stored => {
            if alone {
                Phase::Connecting
            } else {
                Phase::Blocks
            }
        }
        () if sync.tip < sync.headers => Phase::Validating,
        () if sync.headers > 0 && (!alone || !sync.initial_block_download) => Phase::Synced,
        () => Phase::Connecting,
    }
}

fn message(status: &Status, now: u64) -> String {
    let sync = &status.sync;
    let left = match sync.eta {
        Some(0) | None => String::new(),
        Some(seconds) => format!(", about {} left", span(seconds)),
    };
    match status.phase {
        Phase::Starting => status.message.clone(),
        Phase::Connecting => "Nobody is there to sync from yet".to_owned(),
        Phase::Headers => match sync.presync {
            Some(height) => format!("A chain of headers is being weighed, at height {height}"),
            None => format!("Header {} of about {}", sync.headers, sync.target),
        },
        Phase::Blocks => format!(
            "{} blocks to download, {} to validate{left}",
            sync.blocks_missing,
            sync.target.saturating_sub(sync.tip)
        ),
        Phase::Validating => format!(
            "Every block is stored, {} to validate{left}",
            status.behind()
        ),
        Phase::Synced => format!(
            "Block {} is {} old",
            sync.tip,
            span(now.saturating_sub(u64::from(sync.tip_time)))
        ),
        Phase::Paused => status
            .warnings
            .first()
            .cloned()
            .unwrap_or_else(|| "Something that may pass is in the way".to_owned()),
    }
}

/// A length of time in the two largest of its units.
fn span(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let at = UNITS.iter().position(|(_, size)| seconds >= *size);
    let at = at.unwrap_or(UNITS.len() - 1);
    let (unit, size) = UNITS[at];
    let large = seconds / size;
    match UNITS.get(at + 1) {
        Some((smaller, small)) if seconds % size >= *small => {
            format!("{large} {unit} {} {smaller}", seconds % size / small)
        }
        _ => format!("{large} {unit}"),
    }
}

fn credits(snapshot: &Snapshot) -> Credits {
    let download = &snapshot.download;
    Credits {
        capacity: download.credits,
        asked: download.credits_asked,
        held: download.credits_held,
        peak: download.credits_peak,
    }
}

fn queues(asked: &Asked, progress: &Progress, took: Duration) -> Queues {
    let depths = &asked.depths;
    Queues {
        messages: asked.messages as u64,
        check: depths.check as u64,
        write: depths.write as u64,
        headers: depths.headers as u64,
        kept: depths.kept as u64,
        ready: progress.ready_blocks,
        lead: progress.lead_blocks,
        scripts: progress.script_queue,
        driver_answer_ms: took.as_secs_f64() * 1e3,
    }
}

fn traffic(asked: &Asked) -> Traffic {
    let snapshot = &asked.snapshot;
    Traffic {
        received: snapshot.totals.received,
        sent: snapshot.totals.sent,
        active: snapshot.network_active,
        header_sync: snapshot.header_sync.map(|peer| peer.0),
        known_addresses: asked.known_addresses as u64,
        banned: asked.banned as u64,
    }
}

#[cfg(test)]
mod tests;
