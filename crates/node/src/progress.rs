//! Progress bars of a sync, on a terminal; a line now and then elsewhere, if asked for.

mod estimate;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::ProgressMode;
use crate::node::NodeHandle;
use estimate::{Estimator, Rates, Sample};

/// How often the bars are brought up to date.
const REFRESH: Duration = Duration::from_millis(200);
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
        let mut estimator = Estimator::default();
        let mut bars: Option<Bars> = None;
        while let Some(state) = State::of(node).await {
            let rates = estimator.add(state.sample());
            if state.is_syncing() {
                let bars = bars.get_or_insert_with(|| {
                    self.visible.store(true, Ordering::Relaxed);
                    Bars::add_to(&self.bars)
                });
                bars.show(&state, &rates);
            } else if let Some(done) = bars.take() {
                done.clear();
                self.visible.store(false, Ordering::Relaxed);
            }
            tokio::time::sleep(REFRESH).await;
        }
        if let Some(bars) = bars {
            bars.clear();
        }
        self.visible.store(false, Ordering::Relaxed);
    }
}

async fn write_lines(node: &NodeHandle) {
    let mut estimator = Estimator::default();
    while let Some(state) = State::of(node).await {
        let rates = estimator.add(state.sample());
        if state.is_syncing() {
            tracing::info!(
                target: "node",
                "Progress: headers {}/{}, blocks {}/{}, {}",
                state.headers,
                state.peer_height,
                state.blocks,
                state.headers,
                state.describe(&rates)
            );
        }
        tokio::time::sleep(LINE_INTERVAL).await;
    }
}

/// What progress is made of, at one moment.
struct State {
    /// Height of the best header.
    headers: u32,
    /// The greatest height that a peer speaks of.
    peer_height: u32,
    /// Height of the stored tip.
    blocks: u32,
    /// Blocks in the block files.
    stored_blocks: u64,
    /// Their bytes.
    stored_bytes: u64,
    peers: usize,
}

impl State {
    async fn of(node: &NodeHandle) -> Option<Self> {
        if node.shutdown.is_cancelled() {
            return None;
        }
        let snapshot = node.snapshot().await?;
        let view = node.view();
        let headers = view.height(view.best_header());
        let presync = snapshot.peers.iter().filter_map(|peer| peer.presync_height);
        let said = snapshot
            .peers
            .iter()
            .filter_map(|peer| u32::try_from(peer.starting_height).ok());
        Some(Self {
            headers: presync.max().unwrap_or(0).max(headers),
            peer_height: said.max().unwrap_or(0).max(headers),
            blocks: view.tip_height(),
            stored_blocks: node.blocks.blocks(),
            stored_bytes: node.blocks.size_on_disk(),
            peers: snapshot.peers.iter().filter(|p| p.handshake_done).count(),
        })
    }

    fn is_syncing(&self) -> bool {
        self.peer_height.saturating_sub(self.blocks) >= WORTH_A_BAR
    }

    fn sample(&self) -> Sample {
        Sample {
            at: Instant::now(),
            blocks: self.stored_blocks,
            bytes: self.stored_bytes,
            left: u64::from(self.peer_height.saturating_sub(self.blocks)),
        }
    }

    fn describe(&self, rates: &Rates) -> String {
        let left = match rates.left {
            Some(left) => format!("about {} left", HumanDuration(left)),
            None => "time left unknown".to_owned(),
        };
        format!(
            "{:.0} blocks/s, {:.1} MB/s, {} peers, {left}",
            rates.blocks_per_second,
            rates.bytes_per_second / 1e6,
            self.peers
        )
    }
}

struct Bars {
    all: MultiProgress,
    headers: ProgressBar,
    blocks: ProgressBar,
}

impl Bars {
    fn add_to(all: &MultiProgress) -> Self {
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .expect("a template written in this file")
                .progress_chars("=> ")
        };
        let headers = all.add(ProgressBar::new(0));
        headers.set_style(style("headers [{bar:30}] {pos}/{len}"));
        let blocks = all.add(ProgressBar::new(0));
        blocks.set_style(style("blocks  [{bar:30}] {pos}/{len} {msg}"));
        Self {
            all: all.clone(),
            headers,
            blocks,
        }
    }

    fn show(&self, state: &State, rates: &Rates) {
        self.headers.set_length(u64::from(state.peer_height));
        self.headers.set_position(u64::from(state.headers));
        self.blocks.set_length(u64::from(state.peer_height));
        self.blocks.set_position(u64::from(state.blocks));
        self.blocks.set_message(state.describe(rates));
    }

    fn clear(self) {
        for bar in [&self.headers, &self.blocks] {
            bar.finish_and_clear();
            self.all.remove(bar);
        }
    }
}
