//! A status in Prometheus' text format.
//!
//! Names begin with `tipward_`, units are base units (seconds, bytes, ratios), counters end in `_total`. Labels have few
//! values, whatever peers do: no metric names a peer.

use std::fmt::Write as _;

use crate::{Cell, Latency, PeerState, Phase, STATES, Status};

/// Content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the round trips' buckets, in seconds.
const ROUND_TRIPS: [f64; 7] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// All metrics of a status.
pub fn render(status: &Status) -> String {
    let mut page = Page(String::with_capacity(16 << 10));
    node(&mut page, status);
    chain(&mut page, status);
    download(&mut page, status);
    stages(&mut page, status);
    peers(&mut page, status);
    storage(&mut page, status);
    page.0
}

fn node(page: &mut Page, status: &Status) {
    let labels = [
        ("version", status.node.version.as_str()),
        ("network", &status.node.network),
    ];
    page.gauge("info", "What runs; always 1.")
        .with(&labels, 1.0);
    page.gauge("uptime_seconds", "Time since the process began.")
        .is(status.node.uptime as f64 / 1e3);
    let mut phase = page.gauge("phase", "1 for what the node is doing, 0 for all else.");
    for one in Phase::ALL {
        phase.with(&[("phase", one.name())], f64::from(one == status.phase));
    }
    page.gauge("warnings", "Warnings that the operator should see.")
        .is(status.warnings.len() as f64);
    let process = &status.process;
    page.gauge("process_resident_memory_bytes", "Memory of the process.")
        .is(process.resident as f64);
    page.gauge("process_open_fds", "Open files and sockets.")
        .is(process.open_files as f64);
    page.counter(
        "process_cpu_seconds_total",
        "Processor time of the process.",
    )
    .is(process.cpu_seconds);
    let mut cpu = page.counter(
        "stage_cpu_seconds_total",
        "Processor time of the threads of a stage together.",
    );
    for stage in &process.threads {
        cpu.with(&[("stage", &stage.stage)], stage.cpu_seconds);
    }
    let mut threads = page.gauge("stage_threads", "Threads of a stage.");
    for stage in &process.threads {
        threads.with(&[("stage", &stage.stage)], stage.count as f64);
    }
}

fn chain(page: &mut Page, status: &Status) {
    let (sync, events) = (&status.sync, &status.events);
    let mut height = page.gauge(
        "height_blocks",
        "Height up to which a step of the sync is done.",
    );
    for (step, at) in [
        ("target", sync.target),
        ("headers", sync.headers),
        ("stored", sync.stored),
        ("connected", sync.connected),
        ("verified", sync.tip),
        ("flushed", sync.flushed),
    ] {
        height.with(&[("step", step)], f64::from(at));
    }
    page.gauge(
        "tip_time_seconds",
        "Unix time in the validated tip's header.",
    )
    .is(f64::from(sync.tip_time));
    page.gauge(
        "initial_block_download",
        "1 while the node catches up with the network for the first time.",
    )
    .is(f64::from(sync.initial_block_download));
    page.gauge(
        "sync_progress_ratio",
        "Share of the chain's bytes that is validated.",
    )
    .is(sync.progress);
    page.gauge(
        "sync_left_seconds",
        "Time until all is validated; NaN if unknown.",
    )
    .is(sync.eta.map_or(f64::NAN, |eta| eta as f64));
    let mut bytes = page.gauge(
        "sync_bytes",
        "Bytes of blocks that are validated, that wait for it, and (an estimate) that are missing.",
    );
    bytes.with(&[("state", "validated")], sync.bytes_validated as f64);
    bytes.with(&[("state", "waiting")], sync.bytes_waiting as f64);
    bytes.with(&[("state", "missing")], sync.bytes_missing as f64);
    page.counter("headers_received_total", "Headers received.")
        .is(events.headers_received as f64);
    page.counter("headers_refused_total", "Headers refused.")
        .is(events.headers_refused as f64);
    page.gauge("chain_tips", "Branches of the header tree.")
        .is(status.tips_in_all as f64);
    page.counter(
        "reorganizations_total",
        "Reorganizations of the active chain.",
    )
    .is(events.reorganizations as f64);
    page.gauge(
        "deepest_reorganization_blocks",
        "Blocks that the deepest reorganization since the start took back.",
    )
    .is(f64::from(events.deepest_reorganization));
}

fn download(page: &mut Page, status: &Status) {
    let (strip, credits, events) = (&status.strip, &status.credits, &status.events);
    page.gauge("window_blocks", "Width of the download window.")
        .is(f64::from(strip.window.1));
    let mut blocks = page.gauge(
        "window_state_blocks",
        "Blocks in and around the window by state.",
    );
    for (state, count) in STATES.iter().zip(strip.counts) {
        blocks.with(&[("state", state)], f64::from(count));
    }
    page.gauge(
        "window_front_wait_seconds",
        "Since when somebody owes us the window's first block; 0 if nobody does.",
    )
    .is(strip.front.map_or(0.0, |front| front.waited as f64 / 1e3));
    page.gauge(
        "window_late_cells",
        "Cells of the page's strip with late blocks.",
    )
    .is(strip
        .cells
        .iter()
        .filter(|cell| Cell::is_late(cell))
        .count() as f64);
    page.gauge("credits_capacity_bytes", "Memory for blocks on their way.")
        .is(credits.capacity as f64);
    let mut taken = page.gauge("credits_taken_bytes", "What of it is taken, by what.");
    taken.with(&[("by", "asked")], credits.asked as f64);
    taken.with(&[("by", "held")], credits.held as f64);
    page.gauge("credits_peak_bytes", "The most that was taken by asking.")
        .is(credits.peak as f64);
    page.counter("blocks_stored_total", "Blocks stored.")
        .is(events.blocks_stored as f64);
    page.counter("stored_bytes_total", "Bytes of the blocks stored.")
        .is(events.bytes_stored as f64);
    page.counter(
        "blocks_refused_total",
        "Blocks that break a rule, or are not their header's.",
    )
    .is(events.blocks_refused as f64);
    page.counter(
        "blocks_ignored_total",
        "Blocks that came and were of no use.",
    )
    .is(events.blocks_ignored as f64);
    page.counter(
        "blocks_hedged_total",
        "Blocks at the window's front that were asked of a second peer.",
    )
    .is(events.hedged as f64);
    page.counter(
        "blocks_reassigned_total",
        "Blocks that were taken from a silent peer and given to others.",
    )
    .is(events.reassigned as f64);
}

fn stages(page: &mut Page, status: &Status) {
    let (queues, events) = (&status.queues, &status.events);
    let mut depth = page.gauge("queue_depth", "What waits for a stage, or in it, by queue.");
    for (queue, waiting) in [
        ("messages", queues.messages),
        ("check", queues.check),
        ("write", queues.write),
        ("headers", queues.headers),
        ("kept", queues.kept),
        ("ready", queues.ready),
        ("lead", queues.lead),
        ("scripts", queues.scripts),
    ] {
        depth.with(&[("queue", queue)], waiting as f64);
    }
    let (arrivals, stages): (Vec<_>, Vec<_>) = status
        .latencies
        .iter()
        .partition(|latency| latency.of == Latency::ARRIVAL);
    let mut took = page.histogram(
        "stage_seconds",
        "Time that a stage took for one thing that it did: a block, or a turn of the writer, or a flush.",
    );
    for latency in stages {
        took.distribution(&[("stage", &latency.of)], latency);
    }
    let mut arrived = page.histogram(
        "block_arrival_seconds",
        "Time from the request for a block to its arrival.",
    );
    for latency in arrivals {
        arrived.distribution(&[], latency);
    }
    page.gauge(
        "driver_answer_seconds",
        "Time that the network thread took to answer for this page.",
    )
    .is(queues.driver_answer_ms / 1e3);
    page.counter(
        "blocks_validated_total",
        "Blocks that became part of the validated chain.",
    )
    .is(events.blocks_validated as f64);
    page.counter("validated_bytes_total", "Their bytes.")
        .is(events.bytes_validated as f64);
    page.counter("transactions_validated_total", "Their transactions.")
        .is(events.transactions_validated as f64);
}

fn peers(page: &mut Page, status: &Status) {
    let (traffic, events) = (&status.traffic, &status.events);
    let mut states = page.gauge("peers", "Connections by direction and state.");
    for direction in ["inbound", "outbound"] {
        for state in PeerState::ALL {
            let count = status
                .peers
                .iter()
                .filter(|peer| (peer.kind == "inbound") == (direction == "inbound"))
                .filter(|peer| peer.state == state)
                .count();
            states.with(
                &[("direction", direction), ("state", state.name())],
                count as f64,
            );
        }
    }
    let mut bytes = page.counter(
        "network_bytes_total",
        "Bytes of all peers, frames included.",
    );
    bytes.with(&[("direction", "received")], traffic.received as f64);
    bytes.with(&[("direction", "sent")], traffic.sent as f64);
    page.gauge("network_active", "1 if connections are allowed.")
        .is(f64::from(traffic.active));
    page.gauge("blocks_in_flight", "Blocks that peers owe us.")
        .is(status.peers.iter().map(|peer| peer.in_flight).sum::<u64>() as f64);
    page.gauge(
        "peer_speed_bytes",
        "Measured speed of all peers together, a second.",
    )
    .is(status.peers.iter().filter_map(|peer| peer.speed).sum());
    let pings: Vec<f64> = status
        .peers
        .iter()
        .filter_map(|peer| peer.ping.map(|ping| ping / 1e3))
        .collect();
    let mut within = page.gauge(
        "peers_ping_within",
        "Peers whose last round trip took no longer than so many seconds.",
    );
    for bound in ROUND_TRIPS {
        let count = pings.iter().filter(|ping| **ping <= bound).count();
        within.with(&[("seconds", &bound.to_string())], count as f64);
    }
    page.gauge(
        "peer_ping_seconds",
        "Mean of the peers' last round trips; NaN without any.",
    )
    .is(pings.iter().sum::<f64>() / pings.len() as f64);
    page.gauge(
        "known_addresses",
        "Addresses that the address manager knows.",
    )
    .is(traffic.known_addresses as f64);
    page.gauge("banned_subnets", "Subnets that are banned.")
        .is(traffic.banned as f64);
    page.counter("connections_total", "Connections that came to stand.")
        .is(events.connected as f64);
    page.counter(
        "connections_failed_total",
        "Attempts to connect that failed.",
    )
    .is(events.connect_failed as f64);
    page.counter("disconnections_total", "Connections that ended.")
        .is(events.disconnected as f64);
    page.counter(
        "peers_refused_total",
        "Peers that were refused or thrown out.",
    )
    .is(events.refused as f64);
}

fn storage(page: &mut Page, status: &Status) {
    let (coins, disk) = (&status.coins, &status.disk);
    page.gauge("coins_memory_bytes", "Coins in memory.")
        .is(coins.memory as f64);
    page.gauge("coins_budget_bytes", "Memory for coins.")
        .is(coins.budget as f64);
    page.gauge(
        "coins_dirty",
        "Changed coins that are not on their way to the disk.",
    )
    .is(coins.dirty as f64);
    page.gauge("flushing", "1 while coins are written.")
        .is(f64::from(coins.flushing));
    page.counter("flushes_total", "Times that coins were written.")
        .is(coins.flushes as f64);
    page.counter("flush_seconds_total", "Time that this took.")
        .is(coins.flush_seconds);
    page.gauge("last_flush_seconds", "Time that the last of them took.")
        .is(coins.last_flush_seconds);
    page.gauge("disk_blocks", "Blocks in the block files.")
        .is(disk.block_count as f64);
    let mut used = page.gauge("disk_used_bytes", "Bytes on disk, by what they hold.");
    used.with(&[("of", "blocks")], disk.blocks as f64);
    used.with(&[("of", "undo")], disk.undo as f64);
    used.with(&[("of", "coins")], disk.coins as f64);
    page.gauge("disk_free_bytes", "Bytes free on that file system.")
        .is(disk.free as f64);
}

/// The text as it grows.
struct Page(String);

/// One metric of it.
struct Metric<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Page {
    fn gauge(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.metric("gauge", name, help)
    }

    fn counter(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.metric("counter", name, help)
    }

    fn histogram(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.metric("histogram", name, help)
    }

    fn metric(&mut self, kind: &str, name: &'static str, help: &str) -> Metric<'_> {
        let page = &mut self.0;
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "# HELP tipward_{name} {help}\n# TYPE tipward_{name} {kind}"
        );
        Metric { page, name }
    }
}

impl Metric<'_> {
    fn is(&mut self, value: f64) {
        let _ = writeln!(self.page, "tipward_{} {}", self.name, Number(value));
    }

    fn with(&mut self, labels: &[(&str, &str)], value: f64) {
        self.part("", labels, value);
    }

    /// The lines of a histogram.
    fn distribution(&mut self, labels: &[(&str, &str)], latency: &Latency) {
        let mut up_to = 0;
        let bounds = latency.bounds.iter().map(f64::to_string);
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&latency.counts) {
            up_to += count;
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.part("_bucket", &labels, up_to as f64);
        }
        self.part("_sum", labels, latency.seconds);
        self.part("_count", labels, up_to as f64);
    }

    fn part(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.page, "tipward_{}{suffix}", self.name);
        if labels.is_empty() {
            let _ = writeln!(self.page, " {}", Number(value));
            return;
        }
        let _ = write!(self.page, "{{");
        for (i, (label, value)) in labels.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.page, "{comma}{label}=\"{value}\"");
        }
        let _ = writeln!(self.page, "}} {}", Number(value));
    }
}

/// As Prometheus writes it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_nan() {
            f.write_str("NaN")
        } else {
            self.0.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests;
