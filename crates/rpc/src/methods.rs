//! All methods, one file per family.

mod addresses;
mod bans;
mod block_stats;
mod blocks;
mod chain;
mod coins;
mod control;
mod create;
mod deployments;
mod diagnostics;
mod fees;
mod generate;
mod judge;
mod mempool;
mod messages;
mod mining;
mod network;
mod nodes;
mod peers;
mod progress;
mod prune;
mod scan;
mod stats;
mod submit;
mod transactions;
mod verify;
mod wait;

use tipward_primitives::Network;

use crate::call::Call;
use crate::error::{RpcError, code};
use crate::spec::Method;
use crate::{Command, Refused};
pub(crate) use blocks::{block_members, damaged as damaged_block, read as read_stored_block};
pub(crate) use chain::{LastInfo, header_json};

/// The families, in no particular order.
const FAMILIES: &[&[Method]] = &[
    chain::METHODS,
    blocks::METHODS,
    wait::METHODS,
    transactions::METHODS,
    create::METHODS,
    addresses::METHODS,
    messages::METHODS,
    fees::METHODS,
    mining::METHODS,
    diagnostics::METHODS,
    bans::METHODS,
    coins::METHODS,
    scan::METHODS,
    stats::METHODS,
    deployments::METHODS,
    judge::METHODS,
    prune::METHODS,
    verify::METHODS,
    generate::METHODS,
    mempool::METHODS,
    control::METHODS,
    submit::METHODS,
    network::METHODS,
    nodes::METHODS,
    peers::METHODS,
];

/// Every method, hidden ones included.
pub fn table() -> impl Iterator<Item = &'static Method> {
    FAMILIES.iter().copied().flatten()
}

/// The method of this name.
pub fn find(name: &str) -> Option<&'static Method> {
    table().find(|method| method.name == name)
}

/// Refuses a call that only tests should make, on networks that are not for tests.
fn on_regtest(call: &Call, refusal: &str) -> Result<(), RpcError> {
    if call.node.view().params().network == Network::Regtest {
        Ok(())
    } else {
        Err(RpcError::misc(refusal))
    }
}

/// Tells the network side to do something.
async fn command(call: &Call, command: Command) -> Result<(), RpcError> {
    call.node.command(command).await.map_err(refusal)
}

/// Core's error for what the network side refuses.
fn refusal(refused: Refused) -> RpcError {
    let (code, message) = match refused {
        Refused::AlreadyAdded => (code::CLIENT_NODE_ALREADY_ADDED, "Error: Node already added"),
        Refused::NotAdded => (
            code::CLIENT_NODE_NOT_ADDED,
            "Error: Node could not be removed. It has not been added previously.",
        ),
        Refused::NotConnected => (
            code::CLIENT_NODE_NOT_CONNECTED,
            "Node not found in connected nodes",
        ),
        Refused::AtCapacity => (
            code::CLIENT_NODE_CAPACITY_REACHED,
            "Error: Already at capacity for specified connection type.",
        ),
        Refused::InvalidAddress => (code::CLIENT_INVALID_IP_OR_SUBNET, "Invalid IP address"),
        Refused::InvalidSubnet => (
            code::CLIENT_INVALID_IP_OR_SUBNET,
            "Error: Invalid IP/Subnet",
        ),
        Refused::AlreadyBanned => (
            code::CLIENT_NODE_ALREADY_ADDED,
            "Error: IP/Subnet already banned",
        ),
        Refused::NotBanned => (
            code::CLIENT_INVALID_IP_OR_SUBNET,
            "Error: Unban failed. Requested address/subnet was not previously manually banned.",
        ),
        Refused::NewTableFull => (code::MISC_ERROR, "failed-adding-to-new"),
        Refused::TriedTableFull => (code::MISC_ERROR, "failed-adding-to-tried"),
        Refused::ShuttingDown => (code::CLIENT_NOT_CONNECTED, "Shutting down"),
    };
    RpcError::new(code, message)
}

#[cfg(test)]
mod tests;
