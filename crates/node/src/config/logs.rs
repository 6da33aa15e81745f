//! How much of what is logged.

use anyhow::{Context as _, bail};
use tracing::level_filters::LevelFilter;

/// The targets of our log lines, as `--debug` and `--loglevel` name them, and the beginning of the targets in the code.
const TARGETS: [(&str, &str); 8] = [
    ("node", "node"),
    ("net", "net"),
    ("headers", "headers"),
    ("blocks", "blocks"),
    ("store", "store"),
    ("rpc", "rpc"),
    ("validation", "tipward_validation"),
    ("other", "tipward"),
];

/// A level for each target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevels {
    ours: [LevelFilter; TARGETS.len()],
    libraries: LevelFilter,
}

impl Default for LogLevels {
    fn default() -> Self {
        Self {
            ours: [LevelFilter::INFO; TARGETS.len()],
            libraries: LevelFilter::WARN,
        }
    }
}

impl LogLevels {
    /// From what `--debug` and `--loglevel` say: a level for all, then the debugged targets, then what is said of single
    /// targets.
    pub(super) fn new(debug: &[String], levels: &[String]) -> anyhow::Result<Self> {
        let mut all = Self::default();
        for text in levels.iter().filter(|text| !text.contains(':')) {
            let level = parse_level(text)?;
            all.ours = [level; TARGETS.len()];
            // Libraries never say more than what warns: that is another program's debugging.
            all.libraries = level.min(LevelFilter::WARN);
        }
        for what in debug {
            if matches!(what.as_str(), "all" | "1") {
                all.ours = all.ours.map(|level| level.max(LevelFilter::DEBUG));
            } else {
                let target = all.of(what).with_context(|| {
                    format!("--debug {what}: must be one of {}, or all", names())
                })?;
                *target = (*target).max(LevelFilter::DEBUG);
            }
        }
        for text in levels {
            if let Some((name, level)) = text.split_once(':') {
                let level = parse_level(level)?;
                let target = all.of(name).with_context(|| {
                    format!("--loglevel {text}: the target must be one of {}", names())
                })?;
                *target = level;
            }
        }
        Ok(all)
    }

    fn of(&mut self, name: &str) -> Option<&mut LevelFilter> {
        let at = TARGETS.iter().position(|(known, _)| *known == name)?;
        Some(&mut self.ours[at])
    }

    /// Our targets in alphabetical order, and whether each is debugged.
    pub(crate) fn details(&self) -> Vec<(&'static str, bool)> {
        let mut details: Vec<_> = TARGETS
            .iter()
            .zip(self.ours)
            .map(|((name, _), level)| (*name, level >= LevelFilter::DEBUG))
            .collect();
        details.sort_unstable();
        details
    }

    /// Debugs a target, or all, or no longer does. False if there is no such target.
    pub(crate) fn set_detail(&mut self, what: &str, detailed: bool) -> bool {
        let set = |level: LevelFilter| match detailed {
            true => level.max(LevelFilter::DEBUG),
            false => level.min(LevelFilter::INFO),
        };
        if matches!(what, "all" | "1") {
            self.ours = self.ours.map(set);
            return true;
        }
        match self.of(what) {
            Some(level) => {
                *level = set(*level);
                true
            }
            None => false,
        }
    }

    /// The beginnings of our targets in the code, each with its level.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (&'static str, LevelFilter)> {
        TARGETS
            .iter()
            .zip(self.ours)
            .map(|((_, target), level)| (*target, level))
    }

    /// The level of everything else.
    pub(crate) fn libraries(&self) -> LevelFilter {
        self.libraries
    }
}

fn parse_level(text: &str) -> anyhow::Result<LevelFilter> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "off" | "none" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => bail!(
            "--loglevel: '{text}' must be off, error, warn, info, debug or trace, perhaps after a target and a colon"
        ),
    })
}

fn names() -> String {
    TARGETS.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests;
