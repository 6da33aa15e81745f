//! Processes that end with the test, ports that nobody uses, and waiting without guessing how long.

use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long anything that must happen may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A child process that is killed, at the latest, with this value.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Waits for it to end by itself.
    pub(crate) fn wait(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.0.try_wait() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of loopback that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
        .port()
}

/// Waits until `value` gives `expected`, and says what it gave last if that never happens.
pub(crate) fn eventually<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: T,
    mut value: impl FnMut() -> T,
) {
    let start = Instant::now();
    loop {
        let now = value();
        if now == expected {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{what}: expected {expected:?}, still {now:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
