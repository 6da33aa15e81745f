//! Connections that the user asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use tipward_primitives::Timestamp;

use super::{Conns, PoolConfig, target};
use crate::conn::{ConnKind, PeerId, Target};

/// Pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause for `--connect`, which leaves the node nobody else.
const MAX_PAUSE_CONNECT: Duration = Duration::from_secs(10);
/// Longest pause for an added node.
const MAX_PAUSE_ADDED: Duration = Duration::from_secs(60);
/// At most so many added nodes are connected at a time, as in Core.
const MAX_ADDED: usize = 8;

#[derive(Debug)]
struct Node {
    /// As the user wrote it.
    spec: String,
    target: Target,
    /// From `--addnode` or `addnode`, not from `--connect`.
    added: bool,
    failures: u32,
    due: Timestamp,
    peer: Option<PeerId>,
}

#[derive(Debug)]
pub(super) struct ManualNodes {
    nodes: Vec<Node>,
    /// Connections that stand although their added node was removed: each keeps its place until it is gone, so that
    /// removing and adding in turn does not get around [`MAX_ADDED`].
    removed: BTreeSet<PeerId>,
}

impl ManualNodes {
    pub(super) fn new(config: &PoolConfig) -> Self {
        let mut nodes = Self {
            nodes: Vec::new(),
            removed: BTreeSet::new(),
        };
        for spec in config.connect.iter().flatten() {
            nodes.push(spec, config.default_port, false, Timestamp::default());
        }
        for spec in &config.add_nodes {
            nodes.add(spec, config.default_port, Timestamp::default());
        }
        nodes
    }

    fn push(&mut self, spec: &str, port: u16, added: bool, due: Timestamp) {
        self.nodes.push(Node {
            spec: spec.to_owned(),
            target: target(spec, port),
            added,
            failures: 0,
            due,
            peer: None,
        });
    }

    pub(super) fn add(&mut self, spec: &str, port: u16, now: Timestamp) -> bool {
        let wanted = target(spec, port);
        if self.nodes.iter().any(|n| n.added && n.target == wanted) {
            return false;
        }
        self.push(spec, port, true, now);
        true
    }

    pub(super) fn remove(&mut self, spec: &str) -> bool {
        let before = self.nodes.len();
        let leaves = |n: &Node| n.added && n.spec == spec;
        let connected = self.nodes.iter().filter(|n| leaves(n));
        self.removed.extend(connected.filter_map(|n| n.peer));
        self.nodes.retain(|n| !leaves(n));
        self.nodes.len() < before
    }

    pub(super) fn added(&self) -> impl Iterator<Item = (&str, Option<PeerId>)> {
        self.nodes
            .iter()
            .filter(|n| n.added)
            .map(|n| (n.spec.as_str(), n.peer))
    }

    pub(super) fn contains(&self, target: &Target) -> bool {
        self.nodes.iter().any(|n| n.target == *target)
    }

    fn added_connections(&self) -> usize {
        let connected = self.nodes.iter().filter(|n| n.added && n.peer.is_some());
        connected.count() + self.removed.len()
    }

    /// Whether a connection to this node can be opened once its time has come.
    fn may_open(&self, node: &Node, conns: &Conns) -> bool {
        if node.peer.is_some() {
            return false;
        }
        let room = !node.added || self.added_connections() < MAX_ADDED;
        let elsewhere = match &node.target {
            Target::Addr(addr) => conns
                .values()
                .any(|c| c.addr == Some(*addr) && c.kind != ConnKind::Feeler),
            Target::Name(_) => false,
        };
        room && !elsewhere
    }

    /// A node whose time has come.
    pub(super) fn next(&self, now: Timestamp, conns: &Conns) -> Option<(usize, Target)> {
        self.nodes
            .iter()
            .enumerate()
            .find(|(_, n)| n.due <= now && self.may_open(n, conns))
            .map(|(index, n)| (index, n.target.clone()))
    }

    pub(super) fn next_wakeup(&self, conns: &Conns) -> Option<Timestamp> {
        self.nodes
            .iter()
            .filter(|n| self.may_open(n, conns))
            .map(|n| n.due)
            .min()
    }

    pub(super) fn opened(&mut self, index: usize, peer: PeerId) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.peer = Some(peer);
        }
    }

    pub(super) fn ready(&mut self, peer: PeerId) {
        if let Some(node) = self.nodes.iter_mut().find(|n| n.peer == Some(peer)) {
            node.failures = 0;
        }
    }

    pub(super) fn lost(&mut self, peer: PeerId, now: Timestamp) {
        self.removed.remove(&peer);
        let Some(node) = self.nodes.iter_mut().find(|n| n.peer == Some(peer)) else {
            return;
        };
        let longest = if node.added {
            MAX_PAUSE_ADDED
        } else {
            MAX_PAUSE_CONNECT
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << node.failures.min(10));
        node.peer = None;
        node.failures = node.failures.saturating_add(1);
        node.due = now + pause.min(longest);
    }
}
