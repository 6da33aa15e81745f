//! What all components share: the peers, the chain, the outbox.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use tipward_chain::Chain;
use tipward_primitives::Timestamp;

use crate::banman::BanMan;
use crate::config::Config;
use crate::event::Event;
use crate::io::{Action, DisconnectReason, PeerId};
use crate::peer::Peer;
use crate::snapshot::Traffic;
use crate::upload::Upload;
use crate::wire::Message;

/// A block's way, as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Requested,
    Received,
    Connected,
}

/// See [`Shared::is_routine`].
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What all components share. It decides nothing but how a peer is parted from.
pub(crate) struct Shared {
    /// Time of the input that is being handled.
    pub(crate) now: Timestamp,
    pub(crate) config: Config,
    pub(crate) chain: Chain,
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    pub(crate) bans: BanMan,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) totals: Traffic,
    pub(crate) upload: Upload,
    /// When people were last told of a block that was asked for, that came, that is the tip.
    told: [Option<Timestamp>; 3],
    outbox: VecDeque<Action>,
}

impl Shared {
    pub(crate) fn new(config: Config, chain: Chain, seed: [u8; 32]) -> Self {
        Self {
            now: Timestamp::default(),
            upload: Upload::new(config.upload_target),
            config,
            chain,
            peers: BTreeMap::new(),
            bans: BanMan::new(),
            rng: ChaCha12Rng::from_seed(seed),
            totals: Traffic::default(),
            told: [None; 3],
            outbox: VecDeque::new(),
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.outbox.push_back(action);
    }

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop_front()
    }

    pub(crate) fn log(&mut self, event: Event) {
        self.act(Action::Log(event));
    }

    /// Whether people need not be told of this step of a block: while we catch up there are thousands a second, and one
    /// line a second for each kind of step is enough to see that it goes on.
    pub(crate) fn is_routine(&mut self, step: Step) -> bool {
        let last = &mut self.told[step as usize];
        let recent = last.is_some_and(|told| told + TOLD_EVERY > self.now && told <= self.now);
        if recent && self.chain.is_initial_block_download(self.now) {
            return true;
        }
        *last = Some(self.now);
        false
    }

    pub(crate) fn note(&mut self, peer: PeerId, what: impl Into<String>) {
        self.log(Event::Note {
            peer: Some(peer),
            what: what.into(),
        });
    }

    /// Sends, unless the connection is being closed.
    pub(crate) fn send(&mut self, peer: PeerId, message: Message) {
        if self.peers.get(&peer).is_some_and(|p| p.closing.is_none()) {
            self.act(Action::Send { peer, message });
        }
    }

    /// The peer, unless the connection is being closed.
    pub(crate) fn open(&mut self, peer: PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(&peer).filter(|p| p.closing.is_none())
    }

    /// Peers whose handshake is done, in order of their ids.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values().filter(|p| p.is_ready())
    }

    /// Closes a connection. What the peer still sends is dropped from here on.
    pub(crate) fn disconnect(&mut self, peer: PeerId, reason: DisconnectReason) {
        let Some(p) = self.peers.get_mut(&peer) else {
            return;
        };
        if p.closing.is_some() {
            return;
        }
        p.closing = Some(reason.to_string());
        let addr = Some(p.addr);
        self.log(match reason {
            DisconnectReason::Done | DisconnectReason::Requested => Event::Note {
                peer: Some(peer),
                what: format!("Disconnecting: {reason}"),
            },
            _ => Event::PeerRefused {
                peer,
                addr,
                reason: reason.clone(),
            },
        });
        self.act(Action::Disconnect { peer, reason });
    }

    /// A peer broke the protocol. As in Core: it is disconnected and its address discouraged, but a peer that the user
    /// named or permits that is spared, and a local address is not discouraged, because all local peers share it.
    pub(crate) fn misbehaving(&mut self, peer: PeerId, what: impl Into<String>) {
        let what = what.into();
        let Some(p) = self.open(peer) else { return };
        let (is_spared, addr) = (p.is_spared(), p.addr);
        if is_spared {
            self.log(Event::NotPunished { peer, what });
            return;
        }
        if !addr.is_local() {
            self.bans.discourage(addr.host);
        }
        self.disconnect(peer, DisconnectReason::Misbehaving(what));
    }

    /// Starts or stops reading from a peer. Returns whether that changed anything.
    pub(crate) fn set_reading(&mut self, peer: PeerId, reading: bool) -> bool {
        let Some(p) = self.open(peer) else {
            return false;
        };
        if p.reading == reading {
            return false;
        }
        p.reading = reading;
        self.act(Action::SetReading { peer, reading });
        true
    }

    pub(crate) fn received(&mut self, peer: PeerId, command: &'static str, size: usize) {
        let now = self.now;
        let size = size as u64;
        let own = self.peers.get_mut(&peer).map(|p| &mut p.traffic);
        for traffic in std::iter::once(&mut self.totals).chain(own) {
            traffic.received = traffic.received.saturating_add(size);
            *traffic.received_by_message.entry(command).or_default() += size;
            traffic.last_receive = Some(now);
        }
    }

    pub(crate) fn sent(&mut self, peer: PeerId, command: &'static str, size: usize, queued: usize) {
        let now = self.now;
        let size = size as u64;
        self.upload.note(now, size);
        let own = self.peers.get_mut(&peer).map(|p| {
            p.send_queue = queued;
            &mut p.traffic
        });
        for traffic in std::iter::once(&mut self.totals).chain(own) {
            traffic.sent = traffic.sent.saturating_add(size);
            *traffic.sent_by_message.entry(command).or_default() += size;
            traffic.last_send = Some(now);
        }
    }

    pub(crate) fn is_initial_block_download(&self) -> bool {
        self.chain.is_initial_block_download(self.now)
    }
}
