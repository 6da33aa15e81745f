//! Messages: in order, each to its component.

use tipward_primitives::Height;

use super::Machine;
use crate::availability;
use crate::event::Event;
use crate::handshake;
use crate::header_sync::Why;
use crate::io::{ConnKind, DisconnectReason, PeerId};
use crate::peer::Stage;
use crate::ping;
use crate::serve;
use crate::wire::{Consequence, Inventory, MAX_INV, Message, WireError};

/// Messages of one peer that may wait for a verdict.
const MOST_DEFERRED: usize = 1000;

impl Machine {
    /// A message came. It takes effect now or, if something that the peer sent before is still being judged, later.
    pub(super) fn incoming(&mut self, peer: PeerId, message: Message, size: usize) {
        self.shared.received(peer, message.command(), size);
        let waits = {
            let Some(p) = self.shared.open(peer) else {
                return;
            };
            p.deferred.is_waiting() || !p.deferred.messages.is_empty()
        } || self.serve.is_busy(peer);
        // Beyond the order: see the module's page.
        let asked_for = match &message {
            Message::Block(block) => self.download.was_asked(peer, &block.block_hash()),
            _ => false,
        };
        if !waits || asked_for {
            self.dispatch(peer, message);
            return;
        }
        if let Some(p) = self.shared.open(peer) {
            p.deferred.bytes += size;
            p.deferred.messages.push_back((message, size));
        }
        self.update_reading(peer);
    }

    /// Lets messages go on that waited, until one of them has to be waited for.
    pub(super) fn release(&mut self, peer: PeerId) {
        while !self.serve.is_busy(peer) {
            let Some(p) = self.shared.open(peer) else {
                return;
            };
            if p.deferred.is_waiting() {
                return;
            }
            let Some((message, size)) = p.deferred.messages.pop_front() else {
                break;
            };
            p.deferred.bytes -= size;
            self.dispatch(peer, message);
        }
        self.update_reading(peer);
    }

    /// Reads from a peer, or does not: while too much of it waits, or while more blocks came than there is memory for.
    pub(super) fn update_reading(&mut self, peer: PeerId) {
        let limit = self.shared.config.deferred_bytes;
        let flooded = self.flooded;
        let Some(p) = self.shared.open(peer) else {
            return;
        };
        let full = p.deferred.bytes > limit || p.deferred.messages.len() > MOST_DEFERRED;
        let reading = !full && !flooded;
        if self.shared.set_reading(peer, reading) {
            self.download.set_reading(self.shared.now, peer, reading);
        }
    }

    /// Bytes came that are no message.
    pub(super) fn malformed(&mut self, peer: PeerId, error: &WireError) {
        if self.shared.open(peer).is_none() {
            return;
        }
        match error.consequence() {
            Consequence::Ignore => {
                self.shared.log(Event::MessageIgnored {
                    peer,
                    what: error.to_string(),
                });
                if is_block(error) {
                    self.download.damaged(self.shared.now, peer);
                }
            }
            Consequence::Disconnect => self
                .shared
                .disconnect(peer, DisconnectReason::Protocol(error.to_string())),
            Consequence::Misbehaving => self.shared.misbehaving(peer, error.to_string()),
        }
    }

    fn dispatch(&mut self, peer: PeerId, message: Message) {
        let Some(p) = self.shared.open(peer) else {
            return;
        };
        let stage = p.stage;
        match message {
            Message::Version(version) => {
                if handshake::version(&mut self.shared, peer, version) {
                    self.versioned(peer);
                }
            }
            Message::Verack => {
                if handshake::verack(&mut self.shared, peer) {
                    self.ready(peer);
                }
            }
            _ if stage == Stage::Connected => {
                handshake::ignored(&mut self.shared, peer, "message before version");
            }
            Message::WtxidRelay | Message::SendAddrV2 => {
                handshake::feature(&mut self.shared, peer, &message);
            }
            Message::SendHeaders => p.prefers_headers = true,
            Message::SendCompact(compact) => {
                // Version 1 is without witnesses, and nobody speaks it any more.
                if compact.version == 2 {
                    p.provides_compact_blocks = true;
                    p.wants_compact_blocks = compact.high_bandwidth;
                }
            }
            _ if stage != Stage::Ready => {
                let what = format!("{} before verack", message.command());
                handshake::ignored(&mut self.shared, peer, &what);
            }
            Message::Ping(nonce) => {
                // Numbers came with BIP31.
                if p.common_version() > 60_000 {
                    self.shared.send(peer, Message::Pong(nonce));
                }
            }
            Message::Pong(nonce) => {
                if let Some(took) = ping::pong(&mut self.shared, peer, nonce) {
                    self.download.round_trip(peer, took);
                }
            }
            Message::Headers(headers) => {
                let outcome = self.headers.headers(&mut self.shared, peer, headers);
                if outcome.grew {
                    self.best_header_may_have_moved();
                }
                self.update_range(peer);
                if let Some(last) = outcome.last {
                    self.fetch_branch(peer, last);
                }
            }
            Message::Inv(items) => self.inv(peer, &items),
            Message::Block(block) => self.block(peer, block),
            Message::NotFound(items) => self.not_found(peer, &items),
            Message::GetHeaders(locator) => serve::get_headers(&mut self.shared, peer, &locator),
            Message::GetBlocks(locator) => serve::get_blocks(&mut self.shared, peer, &locator),
            Message::GetData(items) => self.serve.get_data(&mut self.shared, peer, items),
            Message::FeeFilter(rate) => p.fee_filter = rate,
            Message::Tx(_) => self.transaction_unwanted(peer, "transaction"),
            Message::MemPool => {
                // Only who offers BIP37's filters answers this; Core disconnects as well.
                let what = "mempool request with bloom filters disabled".to_owned();
                self.shared
                    .disconnect(peer, DisconnectReason::Protocol(what));
            }
            Message::GetAddr | Message::Addr(_) | Message::AddrV2(_) => {
                self.gossip(peer, message);
            }
            Message::Unknown { command, .. } => {
                let what = format!("unknown message type {command}");
                handshake::ignored(&mut self.shared, peer, &what);
            }
        }
    }

    /// `inv`: only blocks are of interest.
    fn inv(&mut self, peer: PeerId, items: &[Inventory]) {
        if items.len() > MAX_INV {
            let what = format!("inv message size = {}", items.len());
            return self.shared.misbehaving(peer, what);
        }
        let mut unknown = None;
        for item in items {
            match *item {
                Inventory::Block(hash) => {
                    availability::announced(&mut self.shared, peer, hash);
                    if self.shared.chain.find(&hash).is_none() {
                        unknown = Some(hash);
                    }
                }
                Inventory::Transaction(_)
                | Inventory::WTx(_)
                | Inventory::WitnessTransaction(_) => {
                    return self.transaction_unwanted(peer, "transaction inv");
                }
                Inventory::WitnessBlock(_)
                | Inventory::CompactBlock(_)
                | Inventory::Error
                | Inventory::Unknown { .. } => {}
            }
        }
        self.update_range(peer);
        // The last one of several is the highest.
        if let Some(hash) = unknown {
            self.headers
                .want(&mut self.shared, peer, Why::Announced(hash));
        }
    }

    /// Whoever was told in our `version` that we want no transactions, and sends some, does not keep to the protocol.
    fn transaction_unwanted(&mut self, peer: PeerId, what: &str) {
        let Some(p) = self.shared.open(peer) else {
            return;
        };
        let told = p.kind == ConnKind::BlockRelayOnly || !self.shared.config.relay_transactions;
        if told {
            let what = format!("{what} sent in violation of protocol");
            self.shared
                .disconnect(peer, DisconnectReason::Protocol(what));
        }
    }

    fn not_found(&mut self, peer: PeerId, items: &[Inventory]) {
        let now = self.shared.now;
        for item in items {
            if let Inventory::Block(hash) | Inventory::WitnessBlock(hash) = item
                && self.download.not_found(now, peer, hash)
            {
                let what = format!("It does not have block {hash} that it should have");
                self.shared.note(peer, what);
            }
        }
    }

    /// Height of our best header.
    pub(super) fn best_height(&self) -> Height {
        self.shared.chain.height(self.shared.chain.best_header())
    }
}

/// Whether what was passed over was meant to be a block.
fn is_block(error: &WireError) -> bool {
    match error {
        WireError::WrongChecksum { command, .. } => command == "block",
        WireError::Malformed { command, .. } => *command == "block",
        _ => false,
    }
}
