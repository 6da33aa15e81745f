//! What a process used, as Linux counts it.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::time::{ClockId, clock_gettime};

/// How often a running process is looked at. Its peak memory is a mark that only rises, so that what is missed is what
/// it took in its last milliseconds.
const LOOK: Duration = Duration::from_millis(5);
/// `/proc` counts CPU time in hundredths of a second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Number of the field with a process's own user time; its system time follows.
const OWN_FIELD: usize = 14;

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_bytes: u64,
}

/// Runs a process to its end: how it ended, the CPU seconds that it used, and its greatest resident size in bytes.
pub(super) fn measure(command: Command) -> anyhow::Result<(ExitStatus, f64, u64)> {
    let mut process = Watched::spawn(command).context("cannot start the node")?;
    let ended = process.wait()?;
    Ok((ended.status, ended.cpu_seconds, ended.peak_bytes))
}

/// A process that is looked at now and then; killed with this value.
pub(super) struct Watched {
    child: Child,
    peak_bytes: u64,
}

/// How a process ended, and what it had taken by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// User and system time.
    pub(super) cpu_seconds: f64,
    /// Greatest resident size.
    pub(super) peak_bytes: u64,
    /// What it caused to be written to disk.
    pub(super) written_bytes: u64,
}

impl Watched {
    pub(super) fn spawn(mut command: Command) -> std::io::Result<Self> {
        Ok(Self {
            child: command.spawn()?,
            peak_bytes: 0,
        })
    }

    /// Notes how large it is; true if it has ended.
    pub(super) fn look(&mut self) -> bool {
        self.peak_bytes = self
            .peak_bytes
            .max(peak_bytes(self.child.id()).unwrap_or(0));
        self.has_ended()
    }

    /// CPU time so far.
    pub(super) fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.child.id()).unwrap_or_default()
    }

    /// CPU time so far of its threads of this name.
    pub(super) fn cpu_seconds_of(&self, thread: &str) -> anyhow::Result<f64> {
        let mut seconds = 0.0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let dir = task?.path();
            if std::fs::read_to_string(dir.join("comm"))?.trim_end() == thread {
                let stat = std::fs::read_to_string(dir.join("stat"))?;
                let ticks = parse_ticks(&stat, OWN_FIELD).context("no times in /proc")?;
                seconds += ticks as f64 / TICKS_PER_SECOND;
            }
        }
        Ok(seconds)
    }

    /// Whether it has ended. It is not taken from the list of processes by that, so that its figures can still be read.
    fn has_ended(&self) -> bool {
        let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) else {
            return true;
        };
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error means that there is no such child any more.
        !matches!(waitid(WaitId::Pid(pid), how), Ok(None))
    }

    /// All that an ended process had said, if its standard output is a pipe; little enough to fit into that.
    pub(super) fn output(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut text)?;
        }
        Ok(text)
    }

    /// Waits until it has ended.
    pub(super) fn wait(&mut self) -> anyhow::Result<Ended> {
        while !self.look() {
            std::thread::sleep(LOOK);
        }
        let pid = self.child.id();
        let cpu_seconds = cpu_seconds(pid).context("needs Linux's /proc")?;
        // Not every kernel counts it.
        let written_bytes = written_bytes(pid).unwrap_or(0);
        Ok(Ended {
            status: self.child.wait()?,
            cpu_seconds,
            peak_bytes: self.peak_bytes,
            written_bytes,
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It has ended by itself, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn written_bytes(pid: u32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    parse_written(&io)
}

/// The line of proc_pid_io(5) for what went to disk. What was taken back before it got there counts as well there.
fn parse_written(io: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        let line = io.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some(field("write_bytes:")?.saturating_sub(field("cancelled_write_bytes:")?))
}

/// CPU time of a running process.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_ticks(&stat, OWN_FIELD).map(|ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// CPU time of the calling thread so far, to the nanosecond: a thread that works for moments has used some, too.
pub(super) fn thread_cpu_seconds() -> f64 {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))
        .unwrap_or_default()
        .as_secs_f64()
}

/// Two neighbouring fields of proc_pid_stat(5), user and system time. The second field of all is the program's name,
/// which may hold anything but ends with the last parenthesis.
fn parse_ticks(stat: &str, field: usize) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(field - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse_peak(&status)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests;
