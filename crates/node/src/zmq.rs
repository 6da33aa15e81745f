//! Blocks and transactions for ZMQ subscribers, as Bitcoin Core publishes them.
//!
//! A subscription to the node's own blocks is the source, so that validation waits for nobody. What is published when:
//!
//! - every block that joins or leaves the active chain: `hashtx` and `rawtx` for each of its transactions, then `sequence`;
//! - then, if the active chain has come to a new tip and initial block download is over: `hashblock` and `rawblock`.
//!
//! In a reorganization the blocks on the way to the new tip are no tips. There is no pool of transactions, so nothing is
//! published of one that is in no block.

mod tips;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use bitcoin::consensus::encode::{VarInt, deserialize_partial};
use bitcoin::hashes::Hash as _;
use bitcoin::{Transaction, Txid};
use bytes::Bytes;
use tipward_primitives::{BlockHash, RawBlock};
use tipward_rpc::ZmqNotification;
use tipward_zmq::{Message, Publisher};

use crate::config::{ZmqOutlet, ZmqTopic};
use crate::node::NodeHandle;
use crate::subscribe::{StartAt, Step, Steps};
use tips::Tips;

/// One thing that is published at one place.
struct Outlet {
    topic: ZmqTopic,
    socket: Arc<Publisher>,
    high_water_mark: u32,
    /// Of the next message: counted whether anybody listens or not, so that a subscriber knows what it missed.
    sequence: u32,
}

/// All that is bound.
pub(crate) struct Outlets(Vec<Outlet>);

impl Outlets {
    /// Binds the sockets; outlets with the same address share one.
    pub(crate) async fn bind(wanted: &[ZmqOutlet]) -> anyhow::Result<Self> {
        let mut outlets: Vec<Outlet> = Vec::new();
        for (at, outlet) in wanted.iter().enumerate() {
            let same = wanted[..at]
                .iter()
                .position(|other| other.endpoint == outlet.endpoint);
            let socket = match same {
                Some(other) => outlets[other].socket.clone(),
                None => Arc::new(Publisher::bind(&outlet.endpoint).await.with_context(|| {
                    format!(
                        "cannot publish at {}, as --zmq{} says",
                        outlet.endpoint,
                        outlet.topic.option()
                    )
                })?),
            };
            tracing::info!(
                target: "rpc",
                "Publishing {} at {}",
                outlet.topic.name(),
                socket.endpoint()
            );
            outlets.push(Outlet {
                topic: outlet.topic,
                socket,
                high_water_mark: outlet.high_water_mark,
                sequence: 0,
            });
        }
        Ok(Self(outlets))
    }

    /// What `getzmqnotifications` says.
    pub(crate) fn notifications(&self) -> Vec<ZmqNotification> {
        let notification = |outlet: &Outlet| ZmqNotification {
            kind: outlet.topic.option(),
            address: outlet.socket.endpoint().to_string(),
            high_water_mark: outlet.high_water_mark,
        };
        self.0.iter().map(notification).collect()
    }

    /// Publishes what happens from now on, until the node ends.
    pub(crate) fn start(self, node: NodeHandle) {
        if !self.0.is_empty() {
            // Begun here, so that not the first block is missed.
            let steps = node.steps(StartAt::Tip, false);
            tokio::spawn(self.publish(node, steps));
        }
    }

    async fn publish(mut self, node: NodeHandle, mut steps: Steps) {
        let mut tips = Tips::new(steps.view());
        loop {
            let step = match steps.next().await {
                Ok(Some(step)) => step,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(target: "rpc", "ZMQ: {error}; going on with the next block");
                    steps = node.steps(StartAt::Tip, false);
                    continue;
                }
            };
            let view = steps.view();
            let synced = !view.is_initial_block_download(node.clock.now());
            let is_new_tip = tips.is_new(view, &step, synced);
            let transactions = view
                .find(&step.hash)
                .and_then(|id| view.transactions(id))
                .unwrap_or(0);
            if let Err(error) = self.step(&node, &step, transactions, is_new_tip).await {
                tracing::warn!(target: "rpc", "ZMQ: nothing is published of block {}: {error:#}", step.hash);
            }
        }
    }

    /// Publishes what there is to say about one block.
    async fn step(
        &mut self,
        node: &NodeHandle,
        step: &Step,
        transactions: u32,
        is_new_tip: bool,
    ) -> anyhow::Result<()> {
        let of_transactions = self.is_wanted(&[ZmqTopic::HashTx, ZmqTopic::RawTx]);
        let whole = is_new_tip && self.is_wanted(&[ZmqTopic::RawBlock]);
        let block = if of_transactions || whole {
            Some(read(node, step.hash, of_transactions).await?)
        } else {
            None
        };
        match &block {
            Some((_, parts)) if of_transactions => {
                for (txid, bytes) in parts {
                    self.send(ZmqTopic::HashTx, &reversed(txid.to_byte_array()))
                        .await;
                    self.send(ZmqTopic::RawTx, bytes).await;
                }
            }
            _ => {
                for topic in [ZmqTopic::HashTx, ZmqTopic::RawTx] {
                    self.count(topic, transactions);
                }
            }
        }
        let label = if step.leaves { b'D' } else { b'C' };
        let hash = reversed(step.hash.to_byte_array());
        let body = [&hash[..], &[label]].concat();
        self.send(ZmqTopic::Sequence, &body.into()).await;
        if is_new_tip {
            self.send(ZmqTopic::HashBlock, &hash).await;
            match block {
                Some((block, _)) => self.send(ZmqTopic::RawBlock, block.bytes()).await,
                None => self.count(ZmqTopic::RawBlock, 1),
            }
        }
        Ok(())
    }

    /// Whether anybody listens to one of these.
    fn is_wanted(&self, topics: &[ZmqTopic]) -> bool {
        self.0.iter().any(|outlet| {
            topics.contains(&outlet.topic)
                && outlet.socket.is_wanted(outlet.topic.name().as_bytes())
        })
    }

    /// Counts messages that nobody listens to.
    fn count(&mut self, topic: ZmqTopic, messages: u32) {
        for outlet in self.0.iter_mut().filter(|outlet| outlet.topic == topic) {
            outlet.sequence = outlet.sequence.wrapping_add(messages);
        }
    }

    async fn send(&mut self, topic: ZmqTopic, body: &Bytes) {
        for outlet in self.0.iter_mut().filter(|outlet| outlet.topic == topic) {
            let sequence = Bytes::copy_from_slice(&outlet.sequence.to_le_bytes());
            let message = Message::new(topic.name(), &[body.clone(), sequence]);
            let most = outlet.high_water_mark as usize;
            outlet.socket.send(&message, most).await;
            outlet.sequence = outlet.sequence.wrapping_add(1);
        }
    }
}

/// As hashes are written.
fn reversed(mut hash: [u8; 32]) -> Bytes {
    hash.reverse();
    Bytes::copy_from_slice(&hash)
}

/// A block's transactions, each by its id.
type Parts = Vec<(Txid, Bytes)>;

/// Reads a block, and takes it apart if need be, on a thread that may wait.
async fn read(
    node: &NodeHandle,
    hash: BlockHash,
    of_transactions: bool,
) -> anyhow::Result<(RawBlock, Parts)> {
    let blocks = node.blocks.clone();
    let read = move || {
        let block = blocks.read(&hash)?.context("it is not stored")?;
        let parts = if of_transactions {
            take_apart(&block)?
        } else {
            Parts::new()
        };
        anyhow::Ok((block, parts))
    };
    tokio::task::spawn_blocking(read)
        .await
        .context("the node ends")?
}

fn take_apart(block: &RawBlock) -> anyhow::Result<Parts> {
    let bytes = block.bytes();
    let mut at = RawBlock::HEADER_SIZE;
    let (count, size) = deserialize_partial::<VarInt>(&bytes[at..])?;
    at += size;
    (0..count.0)
        .map(|_| {
            let (transaction, size) = deserialize_partial::<Transaction>(&bytes[at..])?;
            let part = bytes.slice(at..at + size);
            at += size;
            Ok((transaction.compute_txid(), part))
        })
        .collect()
}
