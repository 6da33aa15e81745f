//! Tells the service manager how the node is: sd_notify(3), and the watchdog of systemd. Without `NOTIFY_SOCKET` in the environment
//! there is nobody to tell, and nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tipward_watch::{Status, health};

use crate::node::NodeHandle;

/// How often what the node does is told.
const STATUS: Duration = Duration::from_secs(5);

/// Says that the node has begun to start.
pub(crate) fn starting() {
    tell(&[NotifyState::Status("Starting")]);
}

/// Says that the node is there, and then how it is, until it begins to end. To be run beside it.
///
/// The watchdog hears that all is well only as long as the node answers: what is told is what `/health` says.
pub(crate) async fn follow(node: NodeHandle) {
    let watchdog = sd_notify::watchdog_enabled();
    // Twice in the time that the manager is patient for, as is advised.
    let pause = watchdog.map_or(STATUS, |patience| STATUS.min(patience / 2));
    let mut ready = Some(NotifyState::Ready);
    while !node.shutdown.is_cancelled() {
        let shot = node.feed().newest();
        let line = line(&shot.status);
        let mut states = vec![NotifyState::Status(&line)];
        states.extend(ready.take());
        if watchdog.is_some() && health(&shot.status, shot.age()).ok {
            states.push(NotifyState::Watchdog);
        }
        tell(&states);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = node.shutdown.cancelled() => {}
        }
    }
    tell(&[NotifyState::Stopping, NotifyState::Status("Shutting down")]);
}

fn line(status: &Status) -> String {
    let done = (status.sync.progress * 1e4).floor() / 1e2;
    format!("{done:.2} % validated. {}", status.message)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(target: "node", %error, "the service manager cannot be told");
    }
}
