use std::ops::Index;
use std::sync::Arc;

/// Elements of a chunk. Changing an element after a clone copies its chunk once: small enough that this takes a few
/// microseconds, large enough that a million elements are a thousand chunks.
const CHUNK: usize = 1024;

/// A vector that is cheap to clone: clones share their chunks, and a chunk is copied when one of them changes it.
#[derive(Debug)]
pub(crate) struct CowVec<T> {
    /// All full but the last, and none empty.
    chunks: Arc<Vec<Arc<Chunk<T>>>>,
    len: usize,
}

#[derive(Debug)]
struct Chunk<T>(Vec<T>);

impl<T> Chunk<T> {
    fn new() -> Self {
        Self(Vec::with_capacity(CHUNK))
    }
}

/// A copy gets the room of a full chunk at once, so that pushes do not move it again.
impl<T: Clone> Clone for Chunk<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        copy.0.extend_from_slice(&self.0);
        copy
    }
}

impl<T> Clone for CowVec<T> {
    fn clone(&self) -> Self {
        Self {
            chunks: Arc::clone(&self.chunks),
            len: self.len,
        }
    }
}

impl<T> Default for CowVec<T> {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
            len: 0,
        }
    }
}

impl<T: Clone> CowVec<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.0.get(index % CHUNK)
    }

    /// The element for writing; whoever shares its chunk keeps the old one.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        let chunk = &mut Arc::make_mut(&mut self.chunks)[index / CHUNK];
        Arc::make_mut(chunk).0.get_mut(index % CHUNK)
    }

    pub(crate) fn push(&mut self, value: T) {
        let chunks = Arc::make_mut(&mut self.chunks);
        // Counted without a look into the last chunk.
        if self.len.is_multiple_of(CHUNK) {
            chunks.push(Arc::new(Chunk::new()));
        }
        if let Some(last) = chunks.last_mut() {
            Arc::make_mut(last).0.push(value);
        }
        self.len += 1;
    }

    /// Drops everything from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        let chunks = Arc::make_mut(&mut self.chunks);
        chunks.truncate(len.div_ceil(CHUNK));
        if !len.is_multiple_of(CHUNK)
            && let Some(last) = chunks.last_mut()
        {
            Arc::make_mut(last).0.truncate(len % CHUNK);
        }
        self.len = len;
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.chunks.last()?.0.last()
    }
}

impl<T: Clone> Index<usize> for CowVec<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.chunks[index / CHUNK].0[index % CHUNK]
    }
}

#[cfg(test)]
mod tests;
