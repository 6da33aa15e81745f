//! Where the newest status is put, and taken from.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::{Course, Point, Status};

/// A status, and its JSON once somebody has asked for it.
#[derive(Debug)]
pub struct Shot {
    /// The status.
    pub status: Status,
    made: Instant,
    json: OnceLock<Arc<str>>,
}

impl Shot {
    /// A status of this moment.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            made: Instant::now(),
            json: OnceLock::new(),
        }
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// The status in JSON, made once for all who look.
    pub fn json(&self) -> Arc<str> {
        let make = || {
            serde_json::to_string(&self.status)
                .unwrap_or_default()
                .into()
        };
        Arc::clone(self.json.get_or_init(make))
    }
}

/// Puts the newest status where everybody can see it.
#[derive(Clone, Debug)]
pub struct Publisher(Feed);

/// Shows the newest status. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    newest: watch::Sender<Arc<Shot>>,
    course: Arc<Mutex<Course>>,
}

/// Somebody who looks at every status. One that is slow misses some, and holds nobody up.
#[derive(Debug)]
pub struct Looker(watch::Receiver<Arc<Shot>>);

impl Publisher {
    /// Begins with a status.
    pub fn new(status: Status) -> Self {
        Self(Feed {
            newest: watch::Sender::new(Arc::new(Shot::new(status))),
            course: Arc::default(),
        })
    }

    /// Shows another status.
    pub fn publish(&self, status: Status) {
        self.0.newest.send_replace(Arc::new(Shot::new(status)));
    }

    /// Takes the rates of another second into the course.
    pub fn add_to_course(&self, point: Point) {
        self.0.lock_course().add(point);
    }

    /// Somebody waits for every status, so that it is worth while to make more of them.
    pub fn is_watched(&self) -> bool {
        self.0.newest.receiver_count() > 0
    }

    /// For those who look.
    pub fn feed(&self) -> Feed {
        self.0.clone()
    }
}

impl Feed {
    /// The newest status.
    pub fn newest(&self) -> Arc<Shot> {
        self.newest.borrow().clone()
    }

    /// To see every status from now on.
    pub fn look(&self) -> Looker {
        Looker(self.newest.subscribe())
    }

    /// How the rates went.
    pub fn course(&self) -> Course {
        self.lock_course().clone()
    }

    /// Held for the length of a copy; nothing in it can be left half changed.
    fn lock_course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looker {
    /// Waits for another status than the one that was seen last; `None` when there will be none.
    pub async fn next(&mut self) -> Option<Arc<Shot>> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }
}

#[cfg(test)]
mod tests;
