//! The one line that an error becomes: what, where, and what can be done about it.

use std::io::{self, ErrorKind};

use tipward_coins::CoinsError;

/// Too many open files, as Linux, the BSDs and macOS number it; the standard library has no name for it.
const TOO_MANY_FILES: i32 = 24;

/// The error with its causes, each said once, and what an operator can do if the system itself is what refused.
pub(crate) fn line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Some say the cause in their own words already.
        if line.ends_with(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    if let Some(advice) = advice(error) {
        line.push_str("; ");
        line.push_str(advice);
    }
    line
}

fn advice(error: &anyhow::Error) -> Option<&'static str> {
    let by_system = |cause: &(dyn std::error::Error + 'static)| {
        if let Some(CoinsError::Io { source, .. }) = cause.downcast_ref() {
            return of_system(source);
        }
        of_system(cause.downcast_ref::<io::Error>()?)
    };
    error.chain().find_map(by_system)
}

fn of_system(error: &io::Error) -> Option<&'static str> {
    if error.raw_os_error() == Some(TOO_MANY_FILES) {
        return Some("allow more open files (`ulimit -n`, or LimitNOFILE of the service)");
    }
    Some(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room there, or choose another place (--datadir)"
        }
        ErrorKind::PermissionDenied => {
            "give the user that runs this the right to, or choose another user or place (--datadir)"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "mount it so that it can be written to, or choose another place (--datadir)"
        }
        ErrorKind::NotADirectory => {
            "a file stands where a directory is needed: choose another place (--datadir)"
        }
        ErrorKind::IsADirectory => "a directory stands where a file is needed: name the file",
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address: name one that it has, or none at all"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
