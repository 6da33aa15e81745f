//! How far a command is that ends by itself: one bar, or a line now and then.
//!
//! Work is counted in bytes, and the time that is left follows from the rate of the last minute, as for a node's sync
//! (`tipward_watch::Estimator`): it is never said to be done before it is, and never falls back.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use tipward_watch::{Estimator, Gauge, Totals};

use super::{Display, LINE_INTERVAL};
use crate::config::ProgressMode;

/// The bar is drawn no more often than this.
const DRAW_INTERVAL: Duration = Duration::from_millis(100);
/// Steps of the bar.
const STEPS: u64 = 10_000;

/// One stretch of work.
pub(crate) struct Meter {
    /// Where it is drawn, and where lines go meanwhile.
    display: Display,
    bar: Option<ProgressBar>,
    /// Lines are wanted.
    lines: bool,
    title: &'static str,
    estimator: Estimator,
    begun: Instant,
    shown: Option<Instant>,
}

impl Meter {
    /// Begins; `title` is a word or two.
    pub(crate) fn begin(display: &Display, title: &'static str) -> Self {
        let bar = (display.terminal && display.mode != ProgressMode::Off).then(|| {
            let bar = display.bars.add(ProgressBar::new(STEPS));
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}")
                .expect("a template written in this file")
                .progress_chars("=> ");
            bar.set_style(style);
            bar.set_prefix(title);
            bar
        });
        Self {
            display: display.clone(),
            bar,
            lines: !display.terminal && display.mode == ProgressMode::On,
            title,
            estimator: Estimator::default(),
            begun: Instant::now(),
            shown: None,
        }
    }

    /// Time since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// So many bytes of so many are done; `more` is what else there is to say. Cheap enough to be called for every block.
    pub(crate) fn show(&mut self, done: u64, total: u64, more: impl FnOnce() -> String) {
        let interval = if self.lines {
            LINE_INTERVAL
        } else {
            DRAW_INTERVAL
        };
        if total == 0
            || (self.bar.is_none() && !self.lines)
            || self.shown.is_some_and(|at| at.elapsed() < interval)
        {
            return;
        }
        self.shown = Some(Instant::now());
        let estimate = self.estimator.add(&Gauge {
            at: self.begun.elapsed(),
            done: done >= total,
            bytes_validated: done.min(total),
            bytes_waiting: total.saturating_sub(done),
            totals: Totals {
                bytes_validated: done,
                ..Totals::default()
            },
            ..Gauge::default()
        });
        let percent = (estimate.progress * 10_000.0).floor() / 100.0;
        let left = match estimate.left {
            Some(left) => {
                let seconds = Duration::from_secs(left.as_secs_f64().round() as u64);
                format!("about {} left", HumanDuration(seconds))
            }
            None => "time left unknown".to_owned(),
        };
        let message = format!(
            "{percent:.2} % of {:.1} MB, {:.1} MB/s, {}{left}",
            total as f64 / 1e6,
            estimate.rates.bytes_validated / 1e6,
            more()
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position((estimate.progress * STEPS as f64) as u64);
                bar.set_message(message);
            }
            None => eprintln!("{}: {message}", self.title),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.display.bars.remove(&bar);
        }
    }
}

impl Display {
    /// Writes a line that the user should see to standard error, above the bars.
    pub(crate) fn say(&self, line: &str) {
        self.bars.suspend(|| eprintln!("{line}"));
    }
}
