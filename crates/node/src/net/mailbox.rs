//! Where the validation threads leave word for the driver without ever waiting for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What was left and not yet taken.
///
/// It has no limit of its own and needs none: every job that is submitted gets exactly one verdict, and the machine
/// submits no more jobs than its window and its byte credits allow.
#[derive(Debug)]
pub(crate) struct Mailbox<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    left: Mutex<Vec<T>>,
    news: Notify,
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self(Arc::new(Inner {
            left: Mutex::default(),
            news: Notify::new(),
        }))
    }
}

impl<T> Mailbox<T> {
    /// Leaves something; never waits for the reader.
    pub(crate) fn leave(&self, thing: T) {
        self.0
            .left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thing);
        self.0.news.notify_one();
    }

    /// Takes all that was left, in order; waits until there is something. Nothing is lost if the wait is given up.
    pub(crate) async fn take(&self) -> Vec<T> {
        loop {
            let taken = self.take_now();
            if !taken.is_empty() {
                return taken;
            }
            self.0.news.notified().await;
        }
    }

    /// Takes all that was left, in order, possibly nothing.
    pub(crate) fn take_now(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.left.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
