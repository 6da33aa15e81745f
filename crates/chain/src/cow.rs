use std::ops::Index;
use std::sync::Arc;

/// Elements of a chunk. Changing an element after a clone copies its chunk once: small enough that this takes a few
/// microseconds, large enough that a million elements are a thousand chunks.
const CHUNK: usize = 1024;

/// A vector that is cheap to clone: clones share their chunks, and a chunk is copied when one of them changes it.
#[derive(Debug)]
pub(crate) struct CowVec<T> {
    /// All full but the last, and none empty.
    chunks: Arc<Vec<Arc<Vec<T>>>>,
    len: usize,
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
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// The element for writing; whoever shares its chunk keeps the old one.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        let chunk = &mut Arc::make_mut(&mut self.chunks)[index / CHUNK];
        own(chunk).get_mut(index % CHUNK)
    }

    pub(crate) fn push(&mut self, value: T) {
        let chunks = Arc::make_mut(&mut self.chunks);
        match chunks.last_mut() {
            Some(last) if last.len() < CHUNK => own(last).push(value),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(value);
                chunks.push(Arc::new(chunk));
            }
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
            own(last).truncate(len % CHUNK);
        }
        self.len = len;
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }
}

/// The chunk for writing. A copy gets a full chunk's room at once, so that pushes do not move it again.
fn own<T: Clone>(chunk: &mut Arc<Vec<T>>) -> &mut Vec<T> {
    if Arc::get_mut(chunk).is_none() {
        let mut copy = Vec::with_capacity(CHUNK);
        copy.extend_from_slice(chunk);
        *chunk = Arc::new(copy);
    }
    Arc::get_mut(chunk).expect("nobody else knows of it: it was just found or made so")
}

impl<T: Clone> Index<usize> for CowVec<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.chunks[index / CHUNK][index % CHUNK]
    }
}

#[cfg(test)]
mod tests;
