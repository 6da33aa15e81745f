//! What a node does about a peer that sends what no peer should: raw bytes over a real socket, frames written by
//! rust-bitcoin or by hand. Whom Bitcoin Core disconnects, we disconnect; what it passes over, we pass over; and memory
//! and disk stay where they were.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bitcoin::block::{Header, Version};
use bitcoin::consensus::serialize;
use bitcoin::hashes::{Hash as _, sha256d};
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::p2p::{Address, Magic, ServiceFlags};
use bitcoin::{BlockHash, CompactTarget, TxMerkleNode};
use tempfile::TempDir;
use tipward_primitives::{Network, Params};

use crate::harness::*;

const MAGIC: Magic = Magic::REGTEST;

/// A node that accepts connections.
pub(crate) struct Target {
    pub(crate) node: Node,
    addr: SocketAddr,
    _dir: TempDir,
}

impl Target {
    pub(crate) fn start(options: &[&str]) -> Self {
        let dir = temp_dir();
        let addr = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let node = NodeOptions::new("regtest")
            .args(&[
                "--connect",
                "0",
                "--listen",
                "on",
                "--bind",
                &addr.to_string(),
            ])
            .args(options)
            .start(dir.path());
        Self {
            node,
            addr,
            _dir: dir,
        }
    }

    /// A peer whose handshake is done.
    pub(crate) fn peer(&self) -> RawPeer {
        let mut peer = self.stranger();
        let nobody = Address::new(&SocketAddr::from(([0, 0, 0, 0], 0)), ServiceFlags::NONE);
        peer.send(NetworkMessage::Version(VersionMessage {
            version: 70_016,
            services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
            timestamp: 0,
            receiver: nobody.clone(),
            sender: nobody,
            nonce: rand::random(),
            user_agent: "/malformed/".to_owned(),
            start_height: 0,
            relay: false,
        }));
        peer.send(NetworkMessage::Verack);
        assert!(peer.answers(), "the handshake went wrong");
        peer
    }

    /// A connection over which nothing was said.
    fn stranger(&self) -> RawPeer {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        RawPeer(stream)
    }

    /// The node is well: it takes a new peer and answers it.
    fn is_well(&self) -> bool {
        self.peer().answers()
    }

    fn has_logged(&self, words: &str) {
        wait_for(words, || self.node.log().contains(words).then_some(()));
    }
}

/// The other end of a connection.
pub(crate) struct RawPeer(pub(crate) TcpStream);

impl RawPeer {
    pub(crate) fn send(&mut self, message: NetworkMessage) {
        self.send_bytes(&serialize(&RawNetworkMessage::new(MAGIC, message)));
    }

    /// A node that has hung up already does not matter to the one who sends.
    fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// The command of the next message and its payload; `None` when the node has hung up.
    pub(crate) fn next(&mut self) -> Option<(String, Vec<u8>)> {
        let mut head = [0; 24];
        self.0.read_exact(&mut head).ok()?;
        let size = u32::from_le_bytes(head[16..20].try_into().unwrap());
        let mut payload = vec![0; size as usize];
        self.0.read_exact(&mut payload).ok()?;
        let command = String::from_utf8_lossy(&head[4..16]);
        Some((command.trim_end_matches('\0').to_owned(), payload))
    }

    /// Whether the node answers a ping, rather than hang up.
    pub(crate) fn answers(&mut self) -> bool {
        let nonce: u64 = rand::random();
        self.send(NetworkMessage::Ping(nonce));
        while let Some((command, payload)) = self.next() {
            if command == "pong" && payload == nonce.to_le_bytes() {
                return true;
            }
        }
        false
    }
}

/// A frame with any claims.
fn frame(magic: [u8; 4], command: &[u8], size: u32, checksum: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut name = [0; 12];
    name[..command.len()].copy_from_slice(command);
    [&magic[..], &name, &size.to_le_bytes(), &checksum, payload].concat()
}

/// A frame with true claims.
fn honest_frame(command: &[u8], payload: &[u8]) -> Vec<u8> {
    let digest = sha256d::Hash::hash(payload).to_byte_array();
    let checksum = digest[..4].try_into().unwrap();
    frame(
        MAGIC.to_bytes(),
        command,
        payload.len() as u32,
        checksum,
        payload,
    )
}

/// Headers on top of each other from regtest's genesis, as easy as they can be.
fn headers(count: u32) -> Vec<Header> {
    let params = Params::new(Network::Regtest);
    let mut parent = params.genesis_hash;
    let mut headers = Vec::new();
    for height in 1..=count {
        let mut header = Header {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: parent,
            merkle_root: TxMerkleNode::all_zeros(),
            time: params.genesis.header.time + height,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        };
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
        parent = header.block_hash();
        headers.push(header);
    }
    headers
}

/// Memory of the node's process that is in use, in MiB.
fn resident(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[test]
fn another_networks_magic_ends_the_connection() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    peer.send_bytes(&serialize(&RawNetworkMessage::new(
        Magic::BITCOIN,
        NetworkMessage::Ping(1),
    )));
    assert!(!peer.answers());
    assert!(target.is_well());
}

#[test]
fn a_frame_longer_than_any_message_may_be_ends_the_connection() {
    let target = Target::start(&[]);
    for size in [4_000_001, 32 * 1024 * 1024, u32::MAX] {
        let mut peer = target.peer();
        peer.send_bytes(&frame(MAGIC.to_bytes(), b"block", size, [0; 4], &[]));
        assert!(!peer.answers(), "{size}");
    }
    assert!(target.is_well());
}

#[test]
fn a_wrong_checksum_costs_only_its_message() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    peer.send_bytes(&frame(MAGIC.to_bytes(), b"ping", 8, [1, 2, 3, 4], &[0; 8]));
    assert!(peer.answers());
}

#[test]
fn an_unknown_command_is_passed_over() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    peer.send_bytes(&honest_frame(b"novelty", &[7; 1000]));
    assert!(peer.answers());
}

#[test]
fn a_message_shorter_than_its_kind_is_passed_over() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    peer.send_bytes(&honest_frame(b"ping", &[1, 2, 3]));
    peer.send_bytes(&honest_frame(b"headers", &[0xfd, 0xd0]));
    peer.send_bytes(&honest_frame(b"inv", &[200]));
    peer.send_bytes(&honest_frame(b"block", &[0; 79]));
    assert!(peer.answers());
}

#[test]
fn a_connection_that_ends_inside_a_message_costs_nothing() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    let whole = honest_frame(b"headers", &[0; 5000]);
    peer.send_bytes(&whole[..2000]);
    drop(peer);
    let mut stranger = target.stranger();
    stranger.send_bytes(&MAGIC.to_bytes()[..2]);
    drop(stranger);
    assert!(target.is_well());
}

#[test]
fn more_than_2000_headers_end_the_connection() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    peer.send(NetworkMessage::Headers(headers(2001)));
    assert!(!peer.answers());
    target.has_logged("2001");
    assert_eq!(
        target.node.call("getblockchaininfo", serde_json::json!([]))["headers"],
        0
    );
}

#[test]
fn headers_that_are_not_each_others_children_end_the_connection() {
    let target = Target::start(&[]);
    let mut chain = headers(20);
    chain.remove(10);
    let mut peer = target.peer();
    peer.send(NetworkMessage::Headers(chain));
    assert!(!peer.answers());
    assert!(target.is_well());
}

#[test]
fn headers_without_work_end_the_connection() {
    let target = Target::start(&[]);
    let mut chain = headers(3);
    while chain[2].validate_pow(chain[2].target()).is_ok() {
        chain[2].nonce += 1;
    }
    let mut peer = target.peer();
    peer.send(NetworkMessage::Headers(chain));
    assert!(!peer.answers());
    target.has_logged("invalid proof of work");
}

#[test]
fn a_long_chain_of_low_work_headers_leaves_nothing_in_memory_or_on_disk() {
    let target = Target::start(&["--minimumchainwork", "ffffffffffffffff"]);
    let before = resident(&target.node);
    let chain = headers(20_000);
    let mut peer = target.peer();
    for part in chain.chunks(2000) {
        peer.send(NetworkMessage::Headers(part.to_vec()));
    }
    assert!(peer.answers(), "to have little work is no offence");
    let info = target.node.call("getblockchaininfo", serde_json::json!([]));
    assert_eq!(info["headers"], 0);
    let log = target.node.netdir.join("headers.log");
    assert!(std::fs::metadata(log).unwrap().len() < 4096);
    assert!(resident(&target.node) < before + 32);
}

#[test]
fn a_flood_of_addresses_is_taken_in_drops() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    for flood in 0..50_u8 {
        let addresses = (0..1000_u16)
            .map(|n| {
                let ip = [20 + flood, (n >> 8) as u8, n as u8, 1];
                (
                    u32::MAX,
                    Address::new(&SocketAddr::from((ip, 8333)), ServiceFlags::NETWORK),
                )
            })
            .collect();
        peer.send(NetworkMessage::Addr(addresses));
    }
    assert!(peer.answers());
    let info = &target.node.peers()[0];
    let (processed, limited) = (
        info["addr_processed"].as_u64().unwrap(),
        info["addr_rate_limited"].as_u64().unwrap(),
    );
    assert!(processed <= 1000, "{processed}");
    assert_eq!(processed + limited, 50_000);
    let known = target.node.call("getnodeaddresses", serde_json::json!([0]));
    assert!(known.as_array().unwrap().len() <= 1000);
}

#[test]
fn more_than_1000_addresses_in_a_message_end_the_connection() {
    let target = Target::start(&[]);
    let address = Address::new(
        &SocketAddr::from(([20, 0, 0, 1], 8333)),
        ServiceFlags::NETWORK,
    );
    let mut peer = target.peer();
    peer.send(NetworkMessage::Addr(vec![(0, address); 1001]));
    assert!(!peer.answers());
}

#[test]
fn announced_sizes_do_not_allocate() {
    let target = Target::start(&[]);
    let before = resident(&target.node);
    // The largest frame that is allowed, announced and not sent, by many.
    let mut peers: Vec<RawPeer> = (0..64).map(|_| target.peer()).collect();
    for peer in &mut peers {
        peer.send_bytes(&frame(
            MAGIC.to_bytes(),
            b"block",
            4_000_000,
            [0; 4],
            &[0; 100],
        ));
    }
    // A list that announces more elements than bytes.
    let mut liar = target.peer();
    let mut payload = vec![0xfe];
    payload.extend(0x00ff_ffff_u32.to_le_bytes());
    liar.send_bytes(&honest_frame(b"notfound", &payload));
    assert!(target.is_well());
    let after = resident(&target.node);
    assert!(after < before + 64, "{before} MiB grew to {after} MiB");
}

#[test]
fn a_block_nobody_asked_for_and_of_no_known_header_is_dropped() {
    let target = Target::start(&[]);
    let mut peer = target.peer();
    let mut block = vec![0; 1_000_000];
    block[4..36].copy_from_slice(&BlockHash::all_zeros().to_byte_array());
    peer.send_bytes(&honest_frame(b"block", &block));
    peer.answers();
    assert!(target.is_well());
    assert_eq!(target.node.height(), 0);
}
