//! Our own failures, from the words of those who failed.

use std::fmt;
use std::sync::Arc;

use tipward_chain::Fault;
use tipward_coins::CoinsError;
use tipward_store::StoreError;

pub(crate) fn store_fault(error: &StoreError) -> Fault {
    Fault {
        what: error.to_string(),
        may_pass: error.is_full(),
    }
}

pub(crate) fn coins_fault(error: &CoinsError) -> Fault {
    Fault {
        what: error.to_string(),
        may_pass: error.is_full(),
    }
}

/// A failure that does not pass.
pub(crate) fn lasting(what: impl Into<String>) -> Fault {
    Fault {
        what: what.into(),
        may_pass: false,
    }
}

/// A thread is gone that should have answered.
pub(crate) fn ended(thread: &str) -> Fault {
    lasting(format!("the thread that {thread} has ended"))
}

/// Failures that tests order: what is named is about to happen, or has just happened, and the closure answers with a fault
/// to be met instead of going on. One that may pass is a full disk, any other is the end of the process.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct FaultPoints(Option<Arc<PointFn>>);

type PointFn = dyn Fn(&'static str) -> Option<Fault> + Send + Sync;

impl FaultPoints {
    /// Calls `at` at every point.
    pub fn new(at: impl Fn(&'static str) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(at)))
    }

    pub(crate) fn pass(&self, point: &'static str) -> Result<(), Fault> {
        match self.0.as_ref().and_then(|at| at(point)) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FaultPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultPoints({})", self.0.is_some())
    }
}
