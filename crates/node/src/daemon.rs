//! `--daemon` and `--daemonwait`: the node in the background.
//!
//! A process that has threads cannot be split in two safely, so that nothing is split here: this program starts itself
//! again, with the same arguments and a hidden one more, before it has opened anything. What was started leaves the
//! terminal, and says on the socket that stands in the place of its standard input when it is ready, or why it is not
//! going to be.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// What the process in the background is told by that it is the one.
const ARGUMENT: &str = "--in-background";
/// What is said when the node is ready.
const READY: &str = "ready";

/// Starts this program again in the background, with these arguments, and if told so waits until the node is ready.
pub(crate) fn start(args: &[OsString], wait: bool) -> anyhow::Result<()> {
    println!("tipward starting");
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    let (mut here, there) = UnixStream::pair().context("cannot make a socket")?;
    let mut command = Command::new(program);
    command.arg(ARGUMENT).args(args.iter().skip(1));
    command.stdin(Stdio::from(OwnedFd::from(there)));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().context("cannot start in the background")?;
    // The other end of the socket is open in this process as long as the command is there.
    drop(command);
    if !wait {
        return Ok(());
    }
    let mut said = String::new();
    here.read_to_string(&mut said)
        .context("cannot hear of the process in the background")?;
    match said.as_str() {
        READY => Ok(()),
        "" => bail!(
            "process {} in the background ended before the node was ready: see its log",
            child.id()
        ),
        why => bail!("{why}"),
    }
}

/// In the background: the way to tell who waits in the foreground.
pub(crate) struct Background(Option<UnixStream>);

impl Background {
    /// Leaves the terminal.
    pub(crate) fn enter() -> Self {
        // It fails for the first process of a group only, which is one that nobody has started this way.
        let _ = rustix::process::setsid();
        let socket = std::io::stdin().as_fd().try_clone_to_owned();
        // From now on the socket is open nowhere else, so that it is closed however this process ends.
        if let Ok(null) = std::fs::File::open("/dev/null") {
            let _ = rustix::stdio::dup2_stdin(null);
        }
        Self(socket.ok().map(UnixStream::from))
    }

    /// The node is ready.
    pub(crate) fn ready(&mut self) {
        self.tell(READY);
    }

    /// It is not going to be.
    pub(crate) fn failed(&mut self, error: &anyhow::Error) {
        let line = crate::advice::line(error);
        tracing::error!(target: "node", "{line}");
        self.tell(&line);
    }

    /// Once: who waited is gone after that, and may be before.
    fn tell(&mut self, what: &str) {
        if let Some(mut socket) = self.0.take() {
            let _ = socket.write_all(what.as_bytes());
        }
    }
}
