use std::io;

use anyhow::Context as _;

use super::line;

fn failed(error: io::Error) -> String {
    let failed: io::Result<()> = Err(error);
    line(&failed.context("cannot open /data/file").unwrap_err())
}

#[test]
fn what_the_system_refuses_comes_with_advice() {
    for (kind, advice) in [
        (io::ErrorKind::StorageFull, "make room there"),
        (io::ErrorKind::QuotaExceeded, "make room there"),
        (io::ErrorKind::PermissionDenied, "the right to"),
        (io::ErrorKind::ReadOnlyFilesystem, "mount it"),
        (io::ErrorKind::NotADirectory, "another place"),
        (io::ErrorKind::AddrNotAvailable, "no such address"),
    ] {
        let line = failed(kind.into());
        assert!(line.starts_with("cannot open /data/file: "), "{line}");
        assert!(line.contains(advice), "{line}");
    }
    let files = failed(io::Error::from_raw_os_error(super::TOO_MANY_FILES));
    assert!(files.contains("ulimit -n"), "{files}");
    let other = failed(io::ErrorKind::TimedOut.into());
    assert_eq!(other, "cannot open /data/file: timed out");
}

#[test]
fn a_cause_that_was_said_already_is_not_said_again() {
    let error = anyhow::anyhow!("no room").context("cannot write: no room");
    assert_eq!(line(&error), "cannot write: no room");
    let error = anyhow::anyhow!("no room").context("cannot write");
    assert_eq!(line(&error), "cannot write: no room");
}
