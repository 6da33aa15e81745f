//! How much memory there is, for `--dbcache auto`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::values::DbCache;

/// MiB of coins in memory, as in Core.
const DEFAULT_MIB: u64 = 450;
/// Less would be spent on flushing.
const MIN_MIB: u64 = 4;
/// What the rest of the node may take at most, in MiB: headers, blocks on their way, what is connected and not verified,
/// connections, and some for the system.
const REST_MIB: u64 = 768;
/// So little is chosen in any case, and so much at most: all coins of the main network fit.
const LEAST_CHOSEN_MIB: u64 = 64;
const MOST_CHOSEN_MIB: u64 = 16 << 10;

/// A limit on memory, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    bytes: u64,
    of: &'static str,
}

/// Bytes of memory for coins. What was chosen by itself is told among the `notices`.
pub(crate) fn db_cache(asked: Option<DbCache>, notices: &mut Vec<String>) -> anyhow::Result<usize> {
    let mib = match asked {
        None => DEFAULT_MIB,
        Some(DbCache::Mib(mib)) => u64::from(mib),
        Some(DbCache::Auto) => {
            let found = look(Path::new("/"));
            let chosen = choose(found);
            notices.push(match found {
                Some(Memory { bytes, of }) => format!(
                    "Coins get {chosen} MiB of memory: {of} has {} MiB (--dbcache auto)",
                    bytes >> 20
                ),
                None => format!(
                    "Coins get {chosen} MiB of memory: how much there is cannot be found out (--dbcache auto)"
                ),
            });
            chosen
        }
    };
    ensure!(
        mib >= MIN_MIB,
        "--dbcache must be at least {MIN_MIB} MiB, not {mib}"
    );
    Ok(usize::try_from(mib << 20)?)
}

/// Two thirds of what the rest of the node leaves: the last third is for the system's cache of files.
fn choose(found: Option<Memory>) -> u64 {
    found.map_or(DEFAULT_MIB, |memory| {
        let left = (memory.bytes >> 20).saturating_sub(REST_MIB);
        (left * 2 / 3).clamp(LEAST_CHOSEN_MIB, MOST_CHOSEN_MIB)
    })
}

/// The machine's memory, or the least limit of the control groups that this process is in.
fn look(root: &Path) -> Option<Memory> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok();
    let machine = machine.as_deref().and_then(machine_memory);
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let groups = groups
        .lines()
        .filter_map(|line| group_limit(root, line))
        .min();
    let machine = machine.map(|bytes| Memory {
        bytes,
        of: "this machine",
    });
    let groups = groups.map(|bytes| Memory {
        bytes,
        of: "the control group",
    });
    // A group may be given more than there is.
    groups
        .into_iter()
        .chain(machine)
        .min_by_key(|memory| memory.bytes)
}

fn machine_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// The least limit of a group and all that it is in: `0::PATH` in version 2, `NUMBER:CONTROLLERS:PATH` in version 1.
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let (mount, name) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|c| c == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let mount = root.join(mount);
    let group: PathBuf = mount.join(path.trim_start_matches('/'));
    group
        .ancestors()
        .take_while(|dir| dir.starts_with(&mount))
        // "max" is no number: no limit. Version 1 says that with a number beyond every machine's memory.
        .filter_map(|dir| fs::read_to_string(dir.join(name)).ok()?.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests;
