//! A message of several parts, encoded once for all subscribers.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::frame::put_head;

/// Parts up to this size are copied next to each other; greater ones are shared.
const SMALL: usize = 4096;

/// A message; its first part is the topic. Cloning it shares the bytes.
#[derive(Clone, Debug)]
pub struct Message {
    topic: Bytes,
    segments: std::sync::Arc<[Bytes]>,
    size: usize,
}

impl Message {
    /// Of these parts, the topic first.
    pub fn new(topic: impl Into<Bytes>, parts: &[Bytes]) -> Self {
        let topic = topic.into();
        let (mut segments, mut open) = (Vec::new(), BytesMut::new());
        let mut left = parts.len();
        for part in std::iter::once(&topic).chain(parts) {
            put_head(&mut open, part.len(), left > 0);
            left = left.saturating_sub(1);
            if part.len() <= SMALL {
                open.put_slice(part);
            } else {
                segments.push(open.split().freeze());
                segments.push(part.clone());
            }
        }
        if !open.is_empty() {
            segments.push(open.freeze());
        }
        Self {
            topic,
            size: segments.iter().map(Bytes::len).sum(),
            segments: segments.into(),
        }
    }

    pub(crate) fn topic(&self) -> &[u8] {
        &self.topic
    }

    /// What goes over the wire, one after the other.
    pub(crate) fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// Bytes of it.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}
