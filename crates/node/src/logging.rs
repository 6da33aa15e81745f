//! Log lines: where they go and how they look.
//!
//! Standard output and the log file get the same lines; standard error stays empty but for a fatal error and, on a
//! terminal, the progress bars, around which lines for the same terminal are written.

mod detail;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt as lines};

use crate::config::{LogFormat, LogLevels, OutputConfig};
use crate::progress::Display;
pub(crate) use detail::{details, set_detail};

/// A log file of more than this many bytes is cut at the start to its last `KEPT_LOG`, as Core does.
const MAX_LOG: u64 = 11_000_000;
/// What remains of a log file that grew too long.
const KEPT_LOG: u64 = 10_000_000;

/// Sends all log lines of this process where `output` says; the bars of `display` are kept below the lines of the
/// console, and while they show, they stand for the lines about single headers and blocks, which the file has.
pub fn init(output: &OutputConfig, display: &Display) -> anyhow::Result<()> {
    let file = match &output.log_file {
        Some(path) => Some(
            open_log(path).with_context(|| format!("cannot open log file {}", path.display()))?,
        ),
        None => None,
    };
    let bars = display.clone();
    let not_shown_by_bars = dynamic_filter_fn(move |line, _| {
        let by_bars = matches!(line.target(), "headers" | "blocks");
        !by_bars || *line.level() <= tracing::Level::WARN || !bars.replaces_lines()
    });
    let mut filters = Vec::new();
    let console = output.console.then(|| {
        let writer = AboveBars(display.bars().clone());
        let levels = detail::adjustable(&output.levels, &mut filters);
        layer(output, writer, levels.and(not_shown_by_bars))
    });
    let file = file.map(|file| {
        let writer = Shared(Arc::new(Mutex::new(file)));
        let levels = detail::adjustable(&output.levels, &mut filters);
        layer(output, writer, levels)
    });
    tracing_subscriber::registry()
        .with(console)
        .with(file)
        .try_init()
        .context("log lines already go somewhere else")?;
    detail::begin(&output.levels, filters);
    Ok(())
}

/// Lines of the format that was chosen.
fn layer<S, W, F>(output: &OutputConfig, writer: W, filter: F) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    F: Filter<S> + Send + Sync + 'static,
{
    let lines = lines::layer()
        .with_timer(UtcSeconds)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(writer);
    match output.format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    }
}

fn filter(levels: &LogLevels) -> Targets {
    Targets::new()
        .with_default(levels.libraries())
        // A resolver that retries is no news.
        .with_target("hickory_resolver", LevelFilter::OFF)
        .with_target("hickory_proto", LevelFilter::OFF)
        .with_target("hickory_net", LevelFilter::OFF)
        .with_targets(levels.targets())
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_LOG) {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-(KEPT_LOG as i64)))?;
        let mut kept = Vec::with_capacity(KEPT_LOG as usize);
        file.read_to_end(&mut kept)?;
        // Begin with a whole line.
        let start = kept.iter().position(|b| *b == b'\n').map_or(0, |i| i + 1);
        fs::write(path, &kept[start..])?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// `2009-01-03T18:15:05Z`, as in Core's log.
struct UtcSeconds;

impl FormatTime for UtcSeconds {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let (year, month, day) = civil_date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(
            w,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Date of a day counted from 1970-01-01, by the Gregorian calendar: years are counted from 1 March 0000, so that a
/// leap day is the last of its year.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + 719_468;
    let era = days / DAYS_OF_400_YEARS;
    let day_of_era = days % DAYS_OF_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Standard output, without tearing the progress bars.
#[derive(Clone)]
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(line)?;
            out.flush()
        })?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A file that several threads write whole lines to.
#[derive(Clone)]
struct Shared(Arc<Mutex<File>>);

impl Write for Shared {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
