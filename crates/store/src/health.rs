use crate::error::StoreError;

/// Whether files may still be written to: not after a failure that left them in an unknown state.
#[derive(Debug, Default)]
pub(crate) struct Health {
    stopped: Option<String>,
}

impl Health {
    /// To be called before every write.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match &self.stopped {
            None => Ok(()),
            Some(why) => Err(StoreError::Stopped(why.clone())),
        }
    }

    /// To be called with the outcome of every write: remembers a [`StoreError::Stopped`].
    pub(crate) fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Stopped(why)) = &result {
            self.stopped = Some(why.clone());
        }
        result
    }
}
