//! What waits for one subscriber.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::Message;

/// Bytes of messages that wait for a subscriber at most, but for a single greater message: eight of the greatest blocks.
pub const MOST_BYTES: usize = 32 << 20;

/// A subscriber whose queue has become full gets this long to make room, before messages are dropped for it: a burst (all
/// transactions of a block) is more than a queue holds, and who takes them as they come shall have them all.
pub const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    /// Answer to the newest ping.
    pong: Option<Bytes>,
    /// It had its time, and no room since.
    stalled: bool,
    closed: bool,
}

/// What is to be sent next.
#[derive(Debug)]
pub(crate) enum Next {
    Pong(Bytes),
    Message(Message),
}

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Notify,
    drained: Notify,
}

impl State {
    fn has_room(&self, size: usize, most: usize) -> bool {
        let few = most == 0 || self.messages.len() < most;
        few && (self.bytes == 0 || self.bytes + size <= MOST_BYTES)
    }

    fn is_half_empty(&self, most: usize) -> bool {
        (most == 0 || self.messages.len() <= most / 2) && self.bytes <= MOST_BYTES / 2
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message in if fewer than `most` wait (0 for any number), or do within this time; false if it was dropped.
    pub(crate) async fn offer(&self, message: &Message, most: usize, patience: Duration) -> bool {
        if self.try_offer(message, most) {
            return true;
        }
        {
            let mut state = self.lock();
            if state.closed || (state.stalled && !state.is_half_empty(most)) {
                return false;
            }
            state.stalled = false;
        }
        let put_in = async {
            loop {
                let drained = self.drained.notified();
                if self.try_offer(message, most) || self.lock().closed {
                    return;
                }
                drained.await;
            }
        };
        if timeout(patience, put_in).await.is_err() {
            self.lock().stalled = true;
            return false;
        }
        true
    }

    fn try_offer(&self, message: &Message, most: usize) -> bool {
        let mut state = self.lock();
        if state.closed || !state.has_room(message.size(), most) {
            return false;
        }
        state.bytes += message.size();
        state.messages.push_back(message.clone());
        drop(state);
        self.filled.notify_one();
        true
    }

    /// Answers a ping; an answer that still waits is for nobody any more.
    pub(crate) fn pong(&self, pong: Bytes) {
        self.lock().pong = Some(pong);
        self.filled.notify_one();
    }

    /// What is to be sent next, if there is anything.
    pub(crate) fn try_next(&self) -> Option<Next> {
        let mut state = self.lock();
        if let Some(pong) = state.pong.take() {
            return Some(Next::Pong(pong));
        }
        let message = state.messages.pop_front()?;
        state.bytes -= message.size();
        drop(state);
        self.drained.notify_one();
        Some(Next::Message(message))
    }

    /// Waits until there may be something to send.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// The subscriber is gone: nothing is kept for it, nobody waits for it.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        *state = State {
            closed: true,
            ..State::default()
        };
        drop(state);
        self.drained.notify_one();
    }
}
