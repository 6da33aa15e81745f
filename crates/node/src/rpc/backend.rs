//! What the RPC server asks of a node, answered from published values or by the driver.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tipward_chain::{BlockOutcome, ChainView, Fault};
use tipward_p2p::Submitted;
use tipward_p2p::addr::AddrNetwork;
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::{BlockHash, Header, RawBlock, Timestamp};
use tipward_rpc::{
    Answer, Backend, BlockUndo, CoinSet, CoinValue, Command, FetchRefused, Judgement, NetworkName,
    NetworkSnapshot, NodeAddress, Refused, SubmitBlockOutcome, SubmitError, TipRef,
};
use tipward_store::StoreError;
use tokio::sync::{oneshot, watch};

use super::convert;
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

fn not_validating() -> Fault {
    Fault {
        what: "this node keeps no coins yet".to_owned(),
        may_pass: false,
    }
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

    fn read_undo(&self, _: &BlockHash) -> Result<Option<BlockUndo>, Fault> {
        Ok(None)
    }

    fn coin(&self, _: OutPoint) -> Answer<Result<(TipRef, Option<CoinValue>), Fault>> {
        Box::pin(async { Err(not_validating()) })
    }

    fn coin_set(&self) -> Answer<Result<Box<dyn CoinSet>, Fault>> {
        Box::pin(async { Err(not_validating()) })
    }

    fn size_on_disk(&self) -> u64 {
        self.node.blocks.size_on_disk()
    }

    fn warnings(&self) -> Vec<String> {
        vec![
            "Blocks are checked and stored, but their scripts and coins are not validated yet"
                .to_owned(),
        ]
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

    fn test_block(&self, _: RawBlock) -> Answer<Result<(), SubmitError>> {
        Box::pin(async { Err(not_validating().into()) })
    }

    fn judge_block(&self, _: BlockHash, _: Judgement) -> Answer<Result<(), Fault>> {
        Box::pin(async { Err(not_validating()) })
    }

    fn fetch_block(&self, _: BlockHash, _: u64) -> Answer<Result<(), FetchRefused>> {
        Box::pin(async { Err(FetchRefused::NoSuchPeer) })
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
