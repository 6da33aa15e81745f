//! Which parts of the node are logged in detail, and changing that while it runs.
//!
//! Log lines are the process's, not a node's: so is what is known of them here.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::reload;

use super::filter;
use crate::config::LogLevels;

static DETAILS: OnceLock<Details> = OnceLock::new();

/// The levels in force, and the filters that follow them.
struct Details {
    levels: Mutex<LogLevels>,
    filters: Vec<Apply>,
}

/// Replaces one filter.
pub(super) type Apply = Box<dyn Fn(Targets) + Send + Sync>;

/// A filter that can be replaced later, by what is added to `filters`.
pub(super) fn adjustable<S: 'static>(
    levels: &LogLevels,
    filters: &mut Vec<Apply>,
) -> reload::Layer<Targets, S> {
    let (layer, handle) = reload::Layer::new(filter(levels));
    filters.push(Box::new(move |targets| {
        // Only a subscriber that is gone takes no new filter.
        let _ = handle.reload(targets);
    }));
    layer
}

/// Notes what lines begin with, once a process.
pub(super) fn begin(levels: &LogLevels, filters: Vec<Apply>) {
    let _ = DETAILS.set(Details {
        levels: Mutex::new(levels.clone()),
        filters,
    });
}

/// Every part in alphabetical order, and whether it is logged in detail.
pub(crate) fn details() -> Vec<(&'static str, bool)> {
    match DETAILS.get() {
        Some(details) => lock(&details.levels).details(),
        // Who embeds the node sends log lines as they like.
        None => LogLevels::default().details(),
    }
}

/// Logs a part, or all, in detail from now on, or no longer. False if there is no such part. In a program that sends log
/// lines its own way nothing changes.
pub(crate) fn set_detail(what: &str, detailed: bool) -> bool {
    let Some(details) = DETAILS.get() else {
        return LogLevels::default().set_detail(what, detailed);
    };
    let mut levels = lock(&details.levels);
    let known = levels.set_detail(what, detailed);
    for apply in &details.filters {
        apply(filter(&levels));
    }
    known
}

fn lock(levels: &Mutex<LogLevels>) -> MutexGuard<'_, LogLevels> {
    levels.lock().unwrap_or_else(PoisonError::into_inner)
}
