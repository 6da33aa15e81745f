//! What the RPC server asks of a node, answered from published values or by the driver.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tipward_chain::{BlockOutcome, ChainView, Fault};
use tipward_consensus::ScriptFlags;
use tipward_p2p::Submitted;
use tipward_p2p::addr::AddrNetwork;
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::{BlockHash, Header, Height, RawBlock, Timestamp};
use tipward_rpc::{
    AddressCount, Answer, Backend, BanInfo, BlockUndo, CoinSet, CoinValue, Command, FetchRefused,
    Judgement, NetworkName, NetworkSnapshot, NodeAddress, Pruning, Refused, SubmitBlockOutcome,
    SubmitError, TipRef, ZmqNotification,
};
use tipward_store::StoreError;
use tipward_validation::{KEPT, TestError};
use tokio::sync::{oneshot, watch};

use super::coins::{self, SnapshotSet};
use super::{convert, scripts};
use crate::logging;
use crate::net::driver::Driver;
use crate::node::NodeHandle;

/// See the module's page.
pub(super) struct NodeBackend {
    node: NodeHandle,
    tip: watch::Receiver<TipRef>,
}

impl NodeBackend {
    pub(super) fn new(node: NodeHandle) -> Self {
        let tip = follow_tip(&node);
        Self { node, tip }
    }

    /// Has the driver answer; `or` when the node is ending.
    fn ask<T: Send + 'static>(
        &self,
        or: impl FnOnce() -> T + Send + 'static,
        question: impl FnOnce(&mut Driver) -> T + Send + 'static,
    ) -> Answer<T> {
        let node = self.node.clone();
        Box::pin(async move { node.ask(question).await.unwrap_or_else(or) })
    }
}

/// The published tips in the RPC server's own words.
fn follow_tip(node: &NodeHandle) -> watch::Receiver<TipRef> {
    let mut from = node.tip();
    let tip_ref = |tip: crate::net::Tip| TipRef {
        hash: tip.hash,
        height: tip.height,
    };
    let (to, receiver) = watch::channel(tip_ref(*from.borrow_and_update()));
    tokio::spawn(async move {
        while from.changed().await.is_ok() {
            to.send_replace(tip_ref(*from.borrow_and_update()));
        }
    });
    receiver
}

fn ending() -> Fault {
    Fault {
        what: "the node is shutting down".to_owned(),
        may_pass: false,
    }
}

/// Has a thread that may wait answer.
fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Answer<Result<T, Fault>> {
    let thread = tokio::task::spawn_blocking(work);
    Box::pin(async move {
        thread.await.unwrap_or_else(|error| {
            Err(Fault {
                what: format!("a thread ended unexpectedly: {error}"),
                may_pass: false,
            })
        })
    })
}

impl Backend for NodeBackend {
    fn view(&self) -> Arc<ChainView> {
        self.node.view()
    }

    fn tip(&self) -> watch::Receiver<TipRef> {
        self.tip.clone()
    }

    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        self.node.blocks.read(hash)
    }

    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault> {
        let view = self.node.view();
        let Some(id) = view.find(hash) else {
            return Ok(None);
        };
        let parent = view.header(id).prev_blockhash;
        coins::read_undo(&self.node.undo, hash, &parent)
    }

    fn coin(&self, outpoint: OutPoint) -> Answer<Result<(TipRef, Option<CoinValue>), Fault>> {
        let handle = self.node.coins.clone();
        on_a_thread(move || coins::coin(&handle, &outpoint))
    }

    fn coin_set(&self) -> Answer<Result<Box<dyn CoinSet>, Fault>> {
        let (handle, db) = (self.node.coins.clone(), self.node.coins_db.clone());
        let genesis = self.node.view().params().genesis_hash;
        on_a_thread(move || {
            let set = SnapshotSet::take(&handle, &db, genesis)?;
            Ok(Box::new(set) as Box<dyn CoinSet>)
        })
    }

    fn size_on_disk(&self) -> u64 {
        self.node.blocks.size_on_disk() + self.node.undo.size_on_disk()
    }

    fn pruning(&self) -> Option<Pruning> {
        self.node.config.sync.prune.map(|prune| Pruning {
            target: prune.target,
            after_height: prune.after_height,
            kept: KEPT,
        })
    }

    fn prune(&self, height: Height) -> Answer<Result<(), Fault>> {
        let (coins, node) = (self.node.coins.clone(), self.node.clone());
        let pruned = on_a_thread(move || coins.prune(height));
        Box::pin(async move {
            pruned.await?;
            // What was deleted has been told by then; the driver hears that before it answers.
            node.ask(|_| ()).await.ok_or_else(ending)
        })
    }

    fn warnings(&self) -> Vec<String> {
        // What the page says, too.
        self.node.feed.newest().status.warnings.clone()
    }

    fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    fn uptime(&self) -> Duration {
        self.node.started.elapsed()
    }

    fn log_path(&self) -> Option<PathBuf> {
        self.node.config.output.log_file.clone()
    }

    fn zmq_notifications(&self) -> Vec<ZmqNotification> {
        self.node.zmq.to_vec()
    }

    fn log_details(&self) -> Vec<(&'static str, bool)> {
        logging::details()
    }

    fn set_log_detail(&self, part: &str, detailed: bool) -> bool {
        logging::set_detail(part, detailed)
    }

    fn bans(&self) -> Answer<Vec<BanInfo>> {
        self.ask(Vec::new, |driver| driver.bans())
    }

    fn network(&self) -> Answer<NetworkSnapshot> {
        let config = self.node.config.clone();
        self.ask(NetworkSnapshot::default, move |driver| {
            convert::network(&driver.machine.snapshot(), &config.peers)
        })
    }

    fn node_addresses(
        &self,
        count: Option<usize>,
        network: Option<NetworkName>,
    ) -> Answer<Vec<NodeAddress>> {
        let network = network.and_then(|name| AddrNetwork::from_name(name.as_str()));
        self.ask(Vec::new, move |driver| {
            let known = driver.known_addresses(count.unwrap_or(0), network);
            known.iter().map(convert::node_address).collect()
        })
    }

    fn address_counts(&self) -> Answer<Vec<AddressCount>> {
        self.ask(Vec::new, |driver| {
            convert::address_counts(driver.machine.addrman())
        })
    }

    fn command(&self, command: Command) -> Answer<Result<(), Refused>> {
        self.ask(
            || Err(Refused::ShuttingDown),
            move |driver| driver.command(command),
        )
    }

    fn submit_header(&self, header: Header) -> Answer<Result<(), SubmitError>> {
        self.ask(
            || Err(ending().into()),
            move |driver| Ok(driver.submit_header(&header)?),
        )
    }

    fn submit_block(&self, block: RawBlock) -> Answer<SubmitBlockOutcome> {
        let node = self.node.clone();
        Box::pin(async move {
            let hash = block.block_hash();
            let (verdict_in, verdict) = oneshot::channel();
            let submitted = node
                .ask(move |driver| driver.submit_block(block, verdict_in))
                .await;
            match submitted {
                None => return SubmitBlockOutcome::Failed(ending()),
                Some(Submitted::Duplicate) => return SubmitBlockOutcome::Duplicate,
                Some(Submitted::Refused(reject)) => return SubmitBlockOutcome::Refused(reject),
                Some(Submitted::Checking(_)) => {}
            }
            match verdict.await {
                Err(_) => SubmitBlockOutcome::Failed(ending()),
                Ok(BlockOutcome::Refused(reject)) => SubmitBlockOutcome::Refused(reject),
                Ok(BlockOutcome::Failed(fault)) => SubmitBlockOutcome::Failed(fault),
                Ok(BlockOutcome::Stored { .. }) => {
                    let view = node.view();
                    if view.find(&hash).is_some_and(|id| view.is_active(id)) {
                        SubmitBlockOutcome::Accepted
                    } else {
                        SubmitBlockOutcome::Inconclusive
                    }
                }
            }
        })
    }

    fn test_block(&self, block: RawBlock) -> Answer<Result<(), SubmitError>> {
        let handle = self.node.coins.clone();
        let tested = on_a_thread(move || Ok(handle.test_block(block)));
        Box::pin(async move {
            match tested.await? {
                Ok(()) => Ok(()),
                Err(TestError::Reject(reject)) => Err(reject.into()),
                Err(TestError::Fault(fault)) => Err(fault.into()),
            }
        })
    }

    fn check_scripts(
        &self,
        block: &RawBlock,
        spent: &BlockUndo,
        flags: ScriptFlags,
    ) -> Result<(), SubmitError> {
        scripts::check_scripts(self.node.view().params(), block, spent, flags)
    }

    fn judge_block(&self, hash: BlockHash, judgement: Judgement) -> Answer<Result<(), Fault>> {
        let node = self.node.clone();
        Box::pin(async move {
            let (done_in, done) = oneshot::channel();
            node.ask(move |driver| driver.judge_block(&hash, judgement, done_in))
                .await
                .ok_or_else(ending)?;
            done.await.map_err(|_| ending())
        })
    }

    fn fetch_block(&self, hash: BlockHash, peer: u64) -> Answer<Result<(), FetchRefused>> {
        self.ask(
            || Err(FetchRefused::ShuttingDown),
            move |driver| driver.fetch_block(&hash, peer).map_err(convert::not_asked),
        )
    }

    fn sync(&self) -> Answer<()> {
        let node = self.node.clone();
        Box::pin(async move {
            let (done_in, done) = oneshot::channel();
            if node
                .ask(move |driver| driver.when_checked(done_in))
                .await
                .is_some()
            {
                // An error means that the node is ending.
                let _ = done.await;
            }
        })
    }

    fn set_mock_time(&self, time: Option<u32>) -> Answer<()> {
        self.ask(|| (), move |driver| driver.set_mock_time(time))
    }

    fn stop(&self) {
        self.node.begin_stop();
    }
}
