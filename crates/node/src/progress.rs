//! Progress bars of a sync, on a terminal; a line now and then elsewhere, if asked for. They show what the page shows
//! (`watch.rs`).

mod meter;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use tipward_watch::{Looker, Phase, Rates, Shot, Status};

use crate::config::ProgressMode;
use crate::node::NodeHandle;
pub(crate) use meter::Meter;

/// How often a line is written where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(2);
/// Fewer blocks than this behind the best header is following, not syncing, and shows no bar.
const WORTH_A_BAR: u32 = 16;

/// The part of the terminal that progress is drawn on. Clones are one and the same.
#[derive(Clone)]
pub struct Display {
    bars: MultiProgress,
    mode: ProgressMode,
    terminal: bool,
    /// Bars are on the screen.
    visible: Arc<AtomicBool>,
    /// Lines about single headers and blocks are not wanted on the console.
    hushed: Arc<AtomicBool>,
}

impl Display {
    /// A display that draws on standard error if that is a terminal and `mode` wants it.
    pub fn new(mode: ProgressMode) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && mode != ProgressMode::Off {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            mode,
            terminal,
            visible: Arc::default(),
            hushed: Arc::default(),
        }
    }

    /// The bars, for who writes lines above them.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Keeps lines about single headers and blocks from the console even while no bars stand for them.
    pub fn hush(&self, hushed: bool) {
        self.hushed.store(hushed, Ordering::Relaxed);
    }

    /// Whether the console does without lines about single headers and blocks now.
    pub(crate) fn replaces_lines(&self) -> bool {
        self.visible.load(Ordering::Relaxed) || self.hushed.load(Ordering::Relaxed)
    }

    /// Shows the node's progress until the node ends. To be run beside it.
    pub async fn follow(&self, node: NodeHandle) {
        match (self.mode, self.terminal) {
            (ProgressMode::Off, _) | (ProgressMode::Auto, false) => {}
            (_, true) => self.draw(&node).await,
            (ProgressMode::On, false) => write_lines(&node).await,
        }
    }

    async fn draw(&self, node: &NodeHandle) {
        let mut looker = node.feed().look();
        let mut bars: Option<Bars> = None;
        while let Some(shot) = next(node, &mut looker).await {
            if is_syncing(&shot.status) {
                let bars = bars.get_or_insert_with(|| {
                    self.visible.store(true, Ordering::Relaxed);
                    Bars::add_to(&self.bars)
                });
                bars.show(&shot.status);
            } else if let Some(done) = bars.take() {
                done.clear();
                self.visible.store(false, Ordering::Relaxed);
            }
        }
        if let Some(bars) = bars {
            bars.clear();
        }
        self.visible.store(false, Ordering::Relaxed);
    }
}

/// The next status; `None` when the node ends.
async fn next(node: &NodeHandle, looker: &mut Looker) -> Option<Arc<Shot>> {
    tokio::select! {
        shot = looker.next() => shot,
        () = node.shutdown.cancelled() => None,
    }
}

async fn write_lines(node: &NodeHandle) {
    let mut looker = node.feed().look();
    while let Some(shot) = next(node, &mut looker).await {
        let status = &shot.status;
        if is_syncing(status) {
            let sync = &status.sync;
            tracing::info!(
                target: "node",
                "Progress: headers {}/{}, blocks {}/{}, {}; validated {}/{}, {}",
                sync.headers,
                sync.target,
                sync.stored,
                sync.headers,
                describe_download(status),
                sync.tip,
                sync.headers,
                describe_validation(status)
            );
        }
        tokio::time::sleep(LINE_INTERVAL).await;
    }
}

/// Following the tip is no sync, and shows no bar.
fn is_syncing(status: &Status) -> bool {
    status.phase != Phase::Starting
        && status.sync.target.saturating_sub(status.sync.tip) >= WORTH_A_BAR
}

fn describe_download(status: &Status) -> String {
    let Rates {
        blocks_stored,
        bytes_stored,
        ..
    } = status.rates;
    let (peers, megabytes) = (status.ready_peers(), bytes_stored / 1e6);
    format!("{blocks_stored:.0} blocks/s, {megabytes:.1} MB/s, {peers} peers")
}

fn describe_validation(status: &Status) -> String {
    let (sync, transactions) = (&status.sync, status.rates.transactions);
    let percent = (sync.progress * 10_000.0).floor() / 100.0;
    let left = match sync.eta {
        Some(seconds) => format!("about {} left", HumanDuration(Duration::from_secs(seconds))),
        None => "time left unknown".to_owned(),
    };
    format!("{percent:.2} %, {transactions:.0} transactions/s, {left}")
}

struct Bars {
    all: MultiProgress,
    headers: ProgressBar,
    blocks: ProgressBar,
    validated: ProgressBar,
}

impl Bars {
    fn add_to(all: &MultiProgress) -> Self {
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .expect("a template written in this file")
                .progress_chars("=> ")
        };
        let headers = all.add(ProgressBar::new(0));
        headers.set_style(style("headers   [{bar:30}] {pos}/{len}"));
        let blocks = all.add(ProgressBar::new(0));
        blocks.set_style(style("blocks    [{bar:30}] {pos}/{len} {msg}"));
        let validated = all.add(ProgressBar::new(0));
        validated.set_style(style("validated [{bar:30}] {pos}/{len} {msg}"));
        Self {
            all: all.clone(),
            headers,
            blocks,
            validated,
        }
    }

    fn show(&self, status: &Status) {
        let (sync, target) = (&status.sync, u64::from(status.sync.target));
        for (bar, height) in [
            (&self.headers, sync.presync.unwrap_or(0).max(sync.headers)),
            (&self.blocks, sync.stored),
            (&self.validated, sync.tip),
        ] {
            bar.set_length(target.max(u64::from(height)));
            bar.set_position(u64::from(height));
        }
        self.blocks.set_message(describe_download(status));
        self.validated.set_message(describe_validation(status));
    }

    fn clear(self) {
        for bar in [&self.headers, &self.blocks, &self.validated] {
            bar.finish_and_clear();
            self.all.remove(bar);
        }
    }
}
