use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::error::{Context as _, StoreError};
use crate::layout;

/// The lock on a data directory, held until it is dropped (or the process ends, however it ends).
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "closing the file is what unlocks")] File);

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(layout::LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .context(&path, "open the lock file")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who holds it is a help to people only.
                let _ = file.read_to_string(&mut text);
                return Err(StoreError::Locked {
                    path: dir.to_owned(),
                    holder: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(e).context(&path, "lock"),
        }
        // On a full disk the number stays away, the lock holds.
        let _ = file.set_len(0);
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self(file))
    }
}
