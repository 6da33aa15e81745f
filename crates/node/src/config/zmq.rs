//! What is published by ZMQ, and where.

use anyhow::Context as _;
use tipward_zmq::Endpoint;

use super::Options;

/// Messages that wait for a subscriber at most, as in Core.
const DEFAULT_HIGH_WATER_MARK: u32 = 1000;

/// What is published, in the order in which Core publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZmqTopic {
    /// Hash of the new tip.
    HashBlock,
    /// Hash of each transaction of each block that joins or leaves the active chain.
    HashTx,
    /// The new tip itself.
    RawBlock,
    /// The transactions themselves.
    RawTx,
    /// Each block that joins or leaves.
    Sequence,
}

impl ZmqTopic {
    /// As it stands at the head of a message.
    pub fn name(self) -> &'static str {
        &self.option()["pub".len()..]
    }

    /// As `getzmqnotifications` calls it, and, behind `zmq`, the option.
    pub fn option(self) -> &'static str {
        match self {
            Self::HashBlock => "pubhashblock",
            Self::HashTx => "pubhashtx",
            Self::RawBlock => "pubrawblock",
            Self::RawTx => "pubrawtx",
            Self::Sequence => "pubsequence",
        }
    }
}

/// One thing that is published at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZmqOutlet {
    /// What.
    pub topic: ZmqTopic,
    /// Where.
    pub endpoint: Endpoint,
    /// Messages that wait for a subscriber at most; 0 for as many as its bytes allow.
    pub high_water_mark: u32,
}

/// All of them, in Core's order.
pub(super) fn outlets(options: &Options) -> anyhow::Result<Vec<ZmqOutlet>> {
    let mut outlets = Vec::new();
    for (topic, addresses, high_water_mark) in [
        (
            ZmqTopic::HashBlock,
            &options.zmqpubhashblock,
            options.zmqpubhashblockhwm,
        ),
        (
            ZmqTopic::HashTx,
            &options.zmqpubhashtx,
            options.zmqpubhashtxhwm,
        ),
        (
            ZmqTopic::RawBlock,
            &options.zmqpubrawblock,
            options.zmqpubrawblockhwm,
        ),
        (
            ZmqTopic::RawTx,
            &options.zmqpubrawtx,
            options.zmqpubrawtxhwm,
        ),
        (
            ZmqTopic::Sequence,
            &options.zmqpubsequence,
            options.zmqpubsequencehwm,
        ),
    ] {
        for address in addresses.iter().flatten() {
            let endpoint = address
                .parse()
                .with_context(|| format!("--zmq{}: '{address}'", topic.option()))?;
            outlets.push(ZmqOutlet {
                topic,
                endpoint,
                high_water_mark: high_water_mark.unwrap_or(DEFAULT_HIGH_WATER_MARK),
            });
        }
    }
    Ok(outlets)
}
