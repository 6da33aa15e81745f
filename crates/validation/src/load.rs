//! The load stage: workers that read blocks and coins ahead of the connect thread. They change nothing.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};
use tipward_chain::{BlockRef, Fault};
use tipward_coins::{KeyHasher, Older, Prefetched};
use tipward_consensus::{BlockContext, CheckError, Reject, RejectKind, reread_block};
use tipward_store::BlockReader;

use crate::bell::Bell;
use crate::check::CheckBlock;
use crate::faults::{coins_fault, ended, lasting, store_fault};
use crate::prepared::PreparedBlock;
use crate::ticket::panic_message;

/// Something to be read.
pub(crate) enum Request {
    /// A stored block.
    Block(BlockRef, Box<BlockContext>),
    /// Coins that a block spends.
    Coins(CoinsRequest),
}

/// What was read.
pub(crate) enum Loaded {
    Block(BlockRef, Result<Arc<PreparedBlock>, NotLoaded>),
    /// And for which inputs of the block.
    Coins(BlockRef, Vec<u32>, Result<Prefetched, Fault>),
}

/// Coins that are to be looked up for a block ahead of its turn.
pub(crate) struct CoinsRequest {
    pub(crate) block: BlockRef,
    pub(crate) prepared: Arc<PreparedBlock>,
    /// The inputs that spend them, counted through the block.
    pub(crate) inputs: Vec<u32>,
    pub(crate) from: Older,
}

impl CoinsRequest {
    fn fetch(&self) -> Result<Prefetched, Fault> {
        let hashes = self.prepared.keys().inputs();
        let parsed = self.prepared.block().parsed();
        let key = |input: &u32| {
            let number = *input as usize;
            let input = parsed.input(number).expect("the block has it");
            (hashes[number], *input.outpoint_bytes())
        };
        let keys: Vec<_> = self.inputs.iter().map(key).collect();
        self.from.fetch_all(&keys).map_err(|e| coins_fault(&e))
    }
}

/// Why a stored block cannot be connected.
#[derive(Debug)]
pub(crate) enum NotLoaded {
    /// It breaks a rule that was not checked when it was stored.
    Reject(Reject),
    /// It cannot be read.
    Fault(Fault),
}

/// The threads of the stage. They end when it is dropped.
///
/// # Bounds
/// Neither channel has a bound of its own: the connect thread asks for what its window of blocks needs, and nothing else
/// puts anything in.
pub(crate) struct Loader {
    requests: Option<Sender<Request>>,
    loaded: Receiver<Loaded>,
    threads: Vec<JoinHandle<()>>,
}

/// What a thread of the stage reads from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) blocks: BlockReader,
    /// Of the coins to which blocks are connected.
    pub(crate) hasher: KeyHasher,
    pub(crate) check: CheckBlock,
}

impl Loader {
    pub(crate) fn start(threads: usize, sources: &Sources, bell: &Bell) -> io::Result<Self> {
        let (requests, queue) = unbounded::<Request>();
        let (results, loaded) = unbounded();
        let mut loader = Self {
            requests: Some(requests),
            loaded,
            threads: Vec::with_capacity(threads),
        };
        for i in 0..threads {
            let (queue, results) = (queue.clone(), results.clone());
            let (sources, bell) = (sources.clone(), bell.clone());
            let thread = thread::Builder::new()
                .name(format!("load-{i}"))
                .spawn(move || {
                    for request in &queue {
                        let _ = results.send(sources.read_guarded(request));
                        bell.ring();
                    }
                })?;
            loader.threads.push(thread);
        }
        Ok(loader)
    }

    pub(crate) fn request(&self, request: Request) -> Result<(), Fault> {
        let requests = self.requests.as_ref();
        let sent = requests.is_some_and(|requests| requests.send(request).is_ok());
        if sent {
            Ok(())
        } else {
            Err(ended("reads blocks"))
        }
    }

    /// What was read since the last call.
    pub(crate) fn next(&self) -> Option<Loaded> {
        self.loaded.try_recv().ok()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.requests = None;
        for thread in self.threads.drain(..) {
            // Panics are caught within.
            let _ = thread.join();
        }
    }
}

impl Sources {
    fn read_guarded(&self, request: Request) -> Loaded {
        let block = match &request {
            Request::Block(block, _) | Request::Coins(CoinsRequest { block, .. }) => *block,
        };
        catch_unwind(AssertUnwindSafe(|| self.read(request))).unwrap_or_else(|panic| {
            let fault = lasting(format!(
                "reading block {} at height {} panicked, which is a bug of ours: {}",
                block.hash,
                block.height,
                panic_message(&*panic)
            ));
            Loaded::Block(block, Err(NotLoaded::Fault(fault)))
        })
    }

    fn read(&self, request: Request) -> Loaded {
        match request {
            Request::Block(block, context) => {
                Loaded::Block(block, self.block(&context).map(Arc::new))
            }
            Request::Coins(request) => {
                let found = request.fetch();
                Loaded::Coins(request.block, request.inputs, found)
            }
        }
    }

    /// Reads a block and takes it apart again. One that was stored before this run is also checked again; any other was
    /// checked by this very program before it was stored, and the store vouches for its bytes.
    pub(crate) fn block(&self, context: &BlockContext) -> Result<PreparedBlock, NotLoaded> {
        let BlockContext { hash, height, .. } = context;
        let read = self.blocks.read(hash);
        let raw = read
            .map_err(|e| NotLoaded::Fault(store_fault(&e)))?
            .ok_or_else(|| {
                NotLoaded::Fault(lasting(if self.blocks.is_pruned() {
                    format!(
                        "block {hash} at height {height} is needed and was deleted to save space (--prune); starting with \
                         --reindex downloads all blocks again"
                    )
                } else {
                    format!(
                        "block {hash} at height {height} is not in the block files any more; starting with --reindex makes \
                         them good"
                    )
                }))
            })?;
        let checked = if self.blocks.is_new(hash) {
            reread_block(context, raw).map_err(CheckError::from)
        } else {
            (self.check)(context, raw)
        };
        match checked {
            Ok(checked) => Ok(PreparedBlock::new(checked, self.hasher)),
            // It was the header's when it was stored.
            Err(CheckError::Reject(reject)) if reject.kind == RejectKind::Mutated => {
                Err(NotLoaded::Fault(lasting(format!(
                    "block {hash} at height {height} is not in the block files as it was stored ({reject}); starting with \
                     --reindex makes them good"
                ))))
            }
            Err(CheckError::Reject(reject)) => Err(NotLoaded::Reject(reject)),
            Err(CheckError::Fault(fault)) => Err(NotLoaded::Fault(fault)),
        }
    }
}
