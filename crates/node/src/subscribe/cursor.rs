//! Where a subscriber has come to, and how it is kept.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tipward_primitives::{BlockHash, Height};

/// The last block that a subscriber has dealt with. As text it is `HEIGHT:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
}

/// A text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is a height and a block hash with a colon between them")]
pub struct BadCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.height, self.hash)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (height, hash) = text.trim().split_once(':').ok_or(BadCursor)?;
        Ok(Self {
            height: height.parse().map_err(|_| BadCursor)?,
            hash: hash.parse().map_err(|_| BadCursor)?,
        })
    }
}

impl Cursor {
    /// Where a subscriber is that has taken back a block at this height, which stands on `parent`.
    pub(super) fn before(height: Height, parent: BlockHash) -> Self {
        Self {
            // The genesis block never leaves.
            height: height.saturating_sub(1),
            hash: parent,
        }
    }

    /// Reads the file that [`Cursor::save`] wrote; `None` if there is none yet.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(path) {
            Ok(text) => text
                .parse()
                .map(Some)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it to a file, so that at any moment, power loss included, the file holds either this cursor or the one
    /// before. It waits for the disk: to be done now and then, not after every block of a long scan.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = Path::new(&beside);
        let mut file = File::create(beside)?;
        writeln!(file, "{self}")?;
        file.sync_all()?;
        fs::rename(beside, path)
    }
}
