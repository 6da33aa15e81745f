//! What the user, through JSON-RPC, has the driver do.

use tipward_chain::BlockOutcome;
use tipward_consensus::Reject;
use tipward_p2p::addr::{AddrNetwork, Address, Host};
use tipward_p2p::banman::Subnet;
use tipward_p2p::wire::AddrEntry;
use tipward_p2p::{Command, Input, NotAsked, PeerId, Submitted};
use tipward_primitives::{BlockHash, Header, RawBlock, Timestamp};
use tipward_rpc::{BanInfo, Judgement, Refused};
use tokio::sync::oneshot;

use super::Driver;
use crate::rpc::{conn_kind, peer_name};

impl Driver {
    /// Up to `max` known addresses, 0 for all of them.
    pub(crate) fn known_addresses(
        &mut self,
        max: usize,
        network: Option<AddrNetwork>,
    ) -> Vec<AddrEntry> {
        self.machine.known_addresses(max, network, self.clock.now())
    }

    /// Carries out a command, or says why it cannot be.
    pub(crate) fn command(&mut self, command: tipward_rpc::Command) -> Result<(), Refused> {
        let command = match command {
            tipward_rpc::Command::AddNode(name) => {
                if self.is_added(&name) {
                    return Err(Refused::AlreadyAdded);
                }
                Command::AddNode(name)
            }
            tipward_rpc::Command::RemoveNode(name) => {
                if !self.is_added(&name) {
                    return Err(Refused::NotAdded);
                }
                Command::RemoveNode(name)
            }
            tipward_rpc::Command::TryNode(name) => {
                Command::Connect(name, tipward_p2p::ConnKind::Manual)
            }
            tipward_rpc::Command::OpenConnection { address, kind } => {
                Command::Connect(address, conn_kind(kind))
            }
            tipward_rpc::Command::DisconnectId(id) => {
                Command::Disconnect(self.connected_peer(|peer| peer.id.0 == id)?)
            }
            tipward_rpc::Command::DisconnectAddress(address) => {
                Command::Disconnect(self.connected_peer(|peer| {
                    peer.addr.to_string() == address || peer_name(peer) == address
                })?)
            }
            tipward_rpc::Command::PingAll => Command::PingAll,
            tipward_rpc::Command::SetNetworkActive(active) => Command::SetNetworkActive(active),
            tipward_rpc::Command::Ban { subnet, until } => return self.ban(&subnet, until),
            tipward_rpc::Command::Unban(subnet) => return self.unban(&subnet),
            tipward_rpc::Command::ClearBans => {
                self.handle(Input::Command(Command::ClearBans));
                self.peer_files.save_bans(&self.machine);
                return Ok(());
            }
            tipward_rpc::Command::AddPeerAddress {
                address,
                port,
                tried,
            } => return self.add_address(&address, port, tried),
        };
        self.handle(Input::Command(command));
        Ok(())
    }

    /// Bans until a number of seconds since the Unix epoch. What the user bans must not come back after a crash, so it is
    /// written at once.
    fn ban(&mut self, text: &str, until: u64) -> Result<(), Refused> {
        let subnet: Subnet = text.parse().map_err(|_| Refused::InvalidSubnet)?;
        // An address counts as banned if its range is, a range only if it is banned itself.
        let banned = match text.parse::<Host>() {
            Ok(host) => self.machine.bans().is_banned(&host, self.clock.now()),
            Err(_) => self.is_banned_by_name(&subnet),
        };
        if banned {
            return Err(Refused::AlreadyBanned);
        }
        let until = Timestamp::from_secs(until);
        self.handle(Input::Command(Command::Ban { subnet, until }));
        self.peer_files.save_bans(&self.machine);
        Ok(())
    }

    fn unban(&mut self, text: &str) -> Result<(), Refused> {
        let subnet: Subnet = text.parse().map_err(|_| Refused::InvalidSubnet)?;
        if !self.is_banned_by_name(&subnet) {
            return Err(Refused::NotBanned);
        }
        self.handle(Input::Command(Command::Unban(subnet)));
        self.peer_files.save_bans(&self.machine);
        Ok(())
    }

    fn is_banned_by_name(&self, subnet: &Subnet) -> bool {
        let mut bans = self.machine.bans().bans(self.clock.now());
        bans.any(|(banned, _)| banned == subnet)
    }

    /// The bans that are in force.
    pub(crate) fn bans(&self) -> Vec<BanInfo> {
        let bans = self.machine.bans().bans(self.clock.now());
        bans.map(|(subnet, ban)| BanInfo {
            subnet: subnet.to_string(),
            created: ban.created,
            until: ban.until,
        })
        .collect()
    }

    fn is_added(&self, name: &str) -> bool {
        let snapshot = self.machine.snapshot();
        snapshot.added_nodes.iter().any(|(added, _)| added == name)
    }

    fn connected_peer(
        &self,
        is_it: impl Fn(&tipward_p2p::snapshot::PeerSnapshot) -> bool,
    ) -> Result<PeerId, Refused> {
        let snapshot = self.machine.snapshot();
        let peer = snapshot.peers.iter().find(|peer| is_it(peer));
        peer.map(|peer| peer.id).ok_or(Refused::NotConnected)
    }

    fn add_address(&mut self, address: &str, port: u16, tried: bool) -> Result<(), Refused> {
        let host: Host = address.parse().map_err(|_| Refused::InvalidAddress)?;
        let addr = Address::new(host, port);
        let known_before = self.machine.addrman().is_tried(&addr);
        self.handle(Input::Command(Command::AddPeerAddress { addr, tried }));
        match (known_before, self.machine.addrman().is_tried(&addr)) {
            (_, None) => Err(Refused::NewTableFull),
            (_, Some(false)) if tried => Err(Refused::TriedTableFull),
            (None, Some(_)) => Ok(()),
            (Some(before), Some(after)) if before != after => Ok(()),
            // It was there already: nothing was added.
            (Some(_), Some(_)) => Err(Refused::NewTableFull),
        }
    }

    /// Offers a header to the chain.
    pub(crate) fn submit_header(&mut self, header: &Header) -> Result<(), Reject> {
        let accepted = self.machine.submit_header(self.clock.now(), header);
        self.act_all();
        accepted.map(|_| ())
    }

    /// Has the user's word on a block override our own; `done` hears when the active chain follows it.
    pub(crate) fn judge_block(
        &mut self,
        hash: &BlockHash,
        judgement: Judgement,
        done: oneshot::Sender<()>,
    ) {
        let now = self.clock.now();
        let goal = match judgement {
            Judgement::Invalid => self.machine.invalidate_block(now, hash),
            Judgement::Reconsider => self.machine.reconsider_block(now, hash),
            Judgement::Precious => self.machine.precious_block(now, hash),
        };
        self.act_all();
        self.settling.tell(goal.unwrap_or(0), done);
    }

    /// Asks a peer for a block.
    pub(crate) fn fetch_block(&mut self, hash: &BlockHash, peer: u64) -> Result<(), NotAsked> {
        let asked = self
            .machine
            .get_block_from_peer(self.clock.now(), hash, PeerId(peer));
        self.act_all();
        asked
    }

    /// Offers a block; if it has to be checked, `verdict` hears how that ended once it can be seen by everybody.
    pub(crate) fn submit_block(
        &mut self,
        block: RawBlock,
        verdict: oneshot::Sender<BlockOutcome>,
    ) -> Submitted {
        let submitted = self.machine.submit_block(self.clock.now(), block);
        if let Submitted::Checking(job) = submitted {
            self.verdict_waiters.entry(job).or_default().push(verdict);
        }
        self.act_all();
        submitted
    }
}
