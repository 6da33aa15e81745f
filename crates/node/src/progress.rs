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
        let mut estimators = Estimators::default();
        let mut bars: Option<Bars> = None;
        while let Some(state) = State::of(node).await {
            let pace = estimators.add(&state);
            if state.is_syncing() {
                let bars = bars.get_or_insert_with(|| {
                    self.visible.store(true, Ordering::Relaxed);
                    Bars::add_to(&self.bars)
                });
                bars.show(&state, &pace);
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
    let mut estimators = Estimators::default();
    while let Some(state) = State::of(node).await {
        let pace = estimators.add(&state);
        if state.is_syncing() {
            tracing::info!(
                target: "node",
                "Progress: headers {}/{}, blocks {}/{}, {}; validated {}/{}, {}",
                state.headers,
                state.peer_height,
                state.stored,
                state.headers,
                state.describe(&pace),
                state.validated,
                state.headers,
                pace.describe_validation()
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
    /// Height up to which all blocks are stored.
    stored: u32,
    /// Height of the validated tip.
    validated: u32,
    /// Blocks in the block files.
    stored_blocks: u64,
    /// Their bytes.
    stored_bytes: u64,
    /// Transactions of the validated chain.
    transactions: u64,
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
            stored: view.first_missing(view.best_header()).saturating_sub(1),
            validated: view.tip_height(),
            stored_blocks: node.blocks.blocks(),
            stored_bytes: node.blocks.size_on_disk(),
            transactions: view.chain_transactions(view.tip()).unwrap_or(0),
            peers: snapshot.peers.iter().filter(|p| p.handshake_done).count(),
        })
    }

    fn is_syncing(&self) -> bool {
        self.peer_height.saturating_sub(self.validated) >= WORTH_A_BAR
    }

    fn sample(&self) -> Sample {
        Sample {
            at: Instant::now(),
            blocks: self.stored_blocks,
            amount: self.stored_bytes,
            left: u64::from(self.peer_height.saturating_sub(self.stored)),
        }
    }

    /// The same of validation: what counts there is transactions.
    fn validation_sample(&self) -> Sample {
        Sample {
            at: Instant::now(),
            blocks: u64::from(self.validated),
            amount: self.transactions,
            left: u64::from(self.peer_height.saturating_sub(self.validated)),
        }
    }

    fn describe(&self, pace: &Pace) -> String {
        let Rates {
            blocks_per_second,
            amount_per_second,
            ..
        } = pace.download;
        let (peers, megabytes) = (self.peers, amount_per_second / 1e6);
        format!("{blocks_per_second:.0} blocks/s, {megabytes:.1} MB/s, {peers} peers")
    }
}

/// How fast both halves of a sync go.
#[derive(Default)]
struct Estimators {
    download: Estimator,
    validation: Estimator,
}

struct Pace {
    download: Rates,
    validation: Rates,
}

impl Estimators {
    fn add(&mut self, state: &State) -> Pace {
        Pace {
            download: self.download.add(state.sample()),
            validation: self.validation.add(state.validation_sample()),
        }
    }
}

impl Pace {
    /// The sync is done when the slower half is.
    fn describe_validation(&self) -> String {
        let left = match (self.download.left, self.validation.left) {
            (Some(download), Some(validation)) => {
                format!("about {} left", HumanDuration(download.max(validation)))
            }
            (None, Some(validation)) => format!("about {} left", HumanDuration(validation)),
            (_, None) => "time left unknown".to_owned(),
        };
        let transactions = self.validation.amount_per_second;
        format!("{transactions:.0} transactions/s, {left}")
    }
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

    fn show(&self, state: &State, pace: &Pace) {
        self.headers.set_length(u64::from(state.peer_height));
        self.headers.set_position(u64::from(state.headers));
        self.blocks.set_length(u64::from(state.peer_height));
        self.blocks.set_position(u64::from(state.stored));
        self.blocks.set_message(state.describe(pace));
        self.validated.set_length(u64::from(state.peer_height));
        self.validated.set_position(u64::from(state.validated));
        self.validated.set_message(pace.describe_validation());
    }

    fn clear(self) {
        for bar in [&self.headers, &self.blocks, &self.validated] {
            bar.finish_and_clear();
            self.all.remove(bar);
        }
    }
}
