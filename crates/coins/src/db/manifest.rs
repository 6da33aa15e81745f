//! Which runs are the coins, and of which block: a small text file that is replaced as a whole.
//!
//! ```text
//! tipward coins 2
//! tip 000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f
//! next 7
//! part 3 1052672 0000000000000000
//! part 4 1069056 8000d1f0a4c6b2e9
//! run 6 266240 0000000000000000
//! checksum 8c1d9f27
//! ```
//!
//! A `part` is a piece of the last level: the number of its file, bytes, where it begins. A `run` is one above, the oldest first;
//! what begins below its last number is in the parts already. `tip` is missing if there are no coins yet.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;

use tipward_primitives::BlockHash;

use super::DbState;
use crate::CoinsError;

/// 1 was that of another store, 2 knew less of where the outputs of large transactions are.
pub(super) const FORMAT: u8 = 3;
const NAME: &str = "manifest";
const NEW_NAME: &str = "manifest.new";
const TITLE: &str = "tipward coins ";

/// More than any manifest has: that of the main network's coins has some 10 KB.
const MOST_BYTES: u64 = 16 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) tip: DbState,
    /// The number of the next file.
    pub(super) next: u64,
    pub(super) parts: Vec<Listed>,
    pub(super) runs: Vec<Listed>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: u64,
    pub(super) size: u64,
    /// Of a part: where it begins. Of a run: from where on it is not in the parts yet.
    pub(super) from: u64,
}

impl Manifest {
    pub(super) fn empty() -> Self {
        Self {
            tip: DbState::Empty,
            next: 1,
            parts: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("{TITLE}{FORMAT}\n");
        let mut line = |args: std::fmt::Arguments<'_>| {
            text.write_fmt(args).expect("a string takes everything");
            text.push('\n');
        };
        if let DbState::At { tip } = self.tip {
            line(format_args!("tip {tip}"));
        }
        line(format_args!("next {}", self.next));
        for (kind, files) in [("part", &self.parts), ("run", &self.runs)] {
            for Listed { id, size, from } in files {
                line(format_args!("{kind} {id} {size} {from:016x}"));
            }
        }
        let sum = crc32c::crc32c(text.as_bytes());
        text + &format!("checksum {sum:08x}\n")
    }

    fn of(text: &str) -> Result<Self, Fault> {
        let format = text.strip_prefix(TITLE).ok_or(Fault::Damaged)?;
        let (format, _) = format.split_once('\n').ok_or(Fault::Damaged)?;
        let format = format.parse().map_err(|_| Fault::Damaged)?;
        let Some((body, sum)) = text.rsplit_once("checksum ") else {
            return Err(Fault::Damaged);
        };
        if sum != format!("{:08x}\n", crc32c::crc32c(body.as_bytes())) {
            return Err(Fault::Damaged);
        }
        if format != FORMAT {
            return Err(Fault::Format(format));
        }
        Self::of_lines(body).ok_or(Fault::Damaged)
    }

    fn of_lines(body: &str) -> Option<Self> {
        let mut manifest = Self::empty();
        for line in body.lines().skip(1) {
            let fields: Vec<&str> = line.split(' ').collect();
            match *fields {
                ["tip", tip] => {
                    let tip = BlockHash::from_str(tip).ok()?;
                    manifest.tip = DbState::At { tip };
                }
                ["next", next] => manifest.next = next.parse().ok()?,
                [kind @ ("part" | "run"), id, size, from] => {
                    let listed = Listed {
                        id: id.parse().ok()?,
                        size: size.parse().ok()?,
                        from: u64::from_str_radix(from, 16).ok()?,
                    };
                    let files = if kind == "part" {
                        &mut manifest.parts
                    } else {
                        &mut manifest.runs
                    };
                    files.push(listed);
                }
                _ => return None,
            }
        }
        let is_sound = manifest.parts.is_sorted_by(|a, b| a.from < b.from)
            && manifest.parts.first().is_none_or(|first| first.from == 0);
        is_sound.then_some(manifest)
    }

    /// Reads the manifest of a folder, if there is one.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, CoinsError> {
        let path = dir.join(NAME);
        let read = fs::metadata(&path).and_then(|metadata| {
            if metadata.len() > MOST_BYTES {
                return Ok(Vec::new());
            }
            fs::read(&path)
        });
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CoinsError::Io { path, source }),
        };
        let text = str::from_utf8(&bytes).unwrap_or_default();
        match Self::of(text) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(Fault::Damaged) => Err(CoinsError::damaged(&path, "it is not as it was written")),
            Err(Fault::Format(found)) => Err(CoinsError::Format {
                path: dir.to_owned(),
                found,
                known: FORMAT,
            }),
        }
    }

    /// Writes it beside the one that is there. All files that it names are durable.
    pub(super) fn prepare(&self, dir: &Path) -> io::Result<()> {
        let mut file = File::create(dir.join(NEW_NAME))?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_all()?;
        // The files must be found before they are named.
        File::open(dir)?.sync_all()
    }

    /// Puts what was [prepared](Self::prepare) in the place of what is there. It is durable when this returns; after a failure it may
    /// be.
    pub(super) fn commit(dir: &Path) -> io::Result<()> {
        fs::rename(dir.join(NEW_NAME), dir.join(NAME))?;
        File::open(dir)?.sync_all()
    }
}

enum Fault {
    Damaged,
    Format(u8),
}
