//! One subscriber: its handshake, its topics, what is sent to it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufWriter};
use tokio::time::timeout;

use crate::Message;
use crate::frame::{
    Frame, GREETING_SIZE, Refusal, check_greeting, check_ready, command, greeting, read_frame,
    ready, split_command,
};
use crate::queue::{Next, Queue};

/// Subscribers of one socket; who comes later is turned away.
pub const MOST_SUBSCRIBERS: usize = 128;

/// A subscriber that is no faster than this in shaking hands is none.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Topics of one subscriber; no publisher has so many.
const MOST_TOPICS: usize = 100;
/// Longer topics match nothing.
const LONGEST_TOPIC: usize = 255;
/// The context of a ping, which its pong repeats (the protocol says 16).
const LONGEST_CONTEXT: usize = 16;
/// Small messages are written so many bytes at a time.
const WRITE_BUFFER: usize = 64 << 10;

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Subscriber {
    /// How often each is subscribed to: it takes as many to end it.
    topics: Mutex<BTreeMap<Vec<u8>, u32>>,
    pub(crate) queue: Queue,
}

impl Subscriber {
    /// Whether it has subscribed to this topic, or to one that it begins with.
    pub(crate) fn wants(&self, topic: &[u8]) -> bool {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.keys().any(|begin| topic.starts_with(begin))
    }

    fn subscribe(&self, topic: &[u8]) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topic.len() > LONGEST_TOPIC
            || (topics.len() >= MOST_TOPICS && !topics.contains_key(topic))
        {
            return;
        }
        let count = topics.entry(topic.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    fn cancel(&self, topic: &[u8]) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = topics.get_mut(topic) {
            *count -= 1;
            if *count == 0 {
                topics.remove(topic);
            }
        }
    }

    /// Shakes hands.
    pub(crate) async fn greet(
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Refusal> {
        let shake = async {
            writer.write_all(&greeting()).await?;
            let mut theirs = [0; GREETING_SIZE];
            // Who is not of the protocol's kind need not send all of it to be known as such.
            reader.read_exact(&mut theirs[..11]).await?;
            if theirs[0] != 0xff {
                return Err(Refusal::NotZmtp);
            }
            if theirs[10] < 3 {
                return Err(Refusal::Version(theirs[10]));
            }
            reader.read_exact(&mut theirs[11..]).await?;
            check_greeting(&theirs)?;
            writer.write_all(&ready()).await?;
            check_ready(&read_frame(reader).await?)
        };
        timeout(HANDSHAKE_TIME, shake)
            .await
            .unwrap_or(Err(Refusal::TooSlow))
    }

    /// Takes its subscriptions and pings, until it is gone.
    pub(crate) async fn read(&self, reader: &mut (impl AsyncRead + Unpin)) -> Refusal {
        loop {
            match read_frame(reader).await {
                Ok(Frame::Message(body)) => match body.split_first() {
                    Some((1, topic)) => self.subscribe(topic),
                    Some((0, topic)) => self.cancel(topic),
                    // What a subscriber says besides is for nobody.
                    _ => {}
                },
                Ok(Frame::Command(body)) => match split_command(&body) {
                    Some((b"SUBSCRIBE", topic)) => self.subscribe(topic),
                    Some((b"CANCEL", topic)) => self.cancel(topic),
                    Some((b"PING", [_, _, context @ ..])) if context.len() <= LONGEST_CONTEXT => {
                        self.queue.pong(command("PONG", context));
                    }
                    Some((b"ERROR", _)) => return Refusal::NotZmtp,
                    _ => {}
                },
                Err(refusal) => return refusal,
            }
        }
    }

    /// Sends what is queued, until the connection breaks.
    pub(crate) async fn write(&self, writer: &mut (impl AsyncWrite + Unpin)) -> Refusal {
        let mut writer = BufWriter::with_capacity(WRITE_BUFFER, writer);
        loop {
            let written = match self.queue.try_next() {
                Some(Next::Pong(pong)) => writer.write_all(&pong).await,
                Some(Next::Message(message)) => write_message(&mut writer, &message).await,
                None => match writer.flush().await {
                    Ok(()) => {
                        self.queue.filled().await;
                        Ok(())
                    }
                    broken => broken,
                },
            };
            if let Err(error) = written {
                return error.into();
            }
        }
    }
}

async fn write_message(
    writer: &mut (impl AsyncWrite + Unpin),
    message: &Message,
) -> std::io::Result<()> {
    for segment in message.segments() {
        writer.write_all(segment).await?;
    }
    Ok(())
}
