//! Whether the machine's clock can be right. Blocks and certificates are judged by it, so a node that starts in 1970, as
//! machines without a battery do, would wait for a chain from the future.

use anyhow::ensure;
use tipward_primitives::{Params, Timestamp};

/// 2026-01-01: nothing of this program is older.
const WRITTEN: u64 = 1_767_225_600;

const WHAT_TO_DO: &str =
    "set it right, for example with `timedatectl set-ntp true` or `date --set`";

/// Refuses a clock that is before the network's first block, by which no block could ever be valid.
pub(crate) fn check(now: Timestamp, params: &Params) -> anyhow::Result<()> {
    let first = Timestamp::from_secs(u64::from(params.genesis.header.time));
    ensure!(
        now >= first,
        "the clock of this machine says {}, which is before the first block of this chain ({}): {WHAT_TO_DO}, and start again",
        date(now),
        date(first)
    );
    Ok(())
}

/// What is to be said of a clock that can hardly be right.
pub(crate) fn warning(now: Timestamp) -> Option<String> {
    (now.as_secs() < WRITTEN).then(|| {
        format!(
            "The clock of this machine says {}, when this program was not written yet: {WHAT_TO_DO}",
            date(now)
        )
    })
}

/// What is to be said of a clock that differs so much, in seconds, from those of the peers.
pub(crate) fn differs(offset: i64) -> String {
    let (by, way) = (
        offset.unsigned_abs(),
        if offset > 0 { "behind" } else { "ahead of" },
    );
    format!("The clock of this machine is {by} s {way} those of the peers: {WHAT_TO_DO}")
}

fn date(time: Timestamp) -> String {
    let (year, month, day) = civil(time.as_secs() / 86_400);
    let second = time.as_secs() % 86_400;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// The date of a day since 1970-01-01.
fn civil(mut day: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let days = 365 + u64::from(leap(year));
        if day < days {
            break;
        }
        day -= days;
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    (year, month as u64 + 1, day + 1)
}

#[cfg(test)]
mod tests;
