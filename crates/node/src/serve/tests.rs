use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use bitcoin::block::{Block, Header, Version};
use bitcoin::hashes::Hash as _;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::address::Address;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::{GetHeadersMessage, Inventory};
use bitcoin::p2p::message_network::VersionMessage;
use tipward_primitives::Network;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;

fn params() -> Params {
    Params::new(Network::Regtest)
}

/// `n` blocks on `parent`, told apart from others by `salt`. Bodies are the genesis block's: a serving peer judges none.
fn chain(parent: Header, n: u32, salt: u32) -> Vec<Block> {
    let genesis = params().genesis;
    let mut blocks: Vec<Block> = Vec::new();
    for i in 0..n {
        let parent = blocks.last().map_or(parent, |block| block.header);
        let mut block = genesis.clone();
        block.header.version = Version::from_consensus(0x2000_0000 + salt as i32);
        block.header.prev_blockhash = parent.block_hash();
        block.header.time = parent.time + 1 + i;
        blocks.push(block);
    }
    blocks
}

fn append(path: &Path, blocks: &[Block]) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for block in blocks {
        let bytes = bitcoin::consensus::serialize(block);
        file.write_all(&params().magic).unwrap();
        file.write_all(&(bytes.len() as u32).to_le_bytes()).unwrap();
        file.write_all(&bytes).unwrap();
    }
}

fn args(path: &Path) -> ServeArgs {
    ServeArgs {
        blocks: vec![path.to_owned()],
        bind: "127.0.0.1:0".parse().unwrap(),
        follow: true,
        behaviour: Behaviour::default(),
    }
}

struct Node {
    stream: TcpStream,
}

impl Node {
    /// Connects and shakes hands.
    async fn connect(server: &Server) -> Self {
        let mut node = Self {
            stream: TcpStream::connect(server.addr()).await.unwrap(),
        };
        let nobody = Address::new(&([0, 0, 0, 0], 0).into(), ServiceFlags::NONE);
        node.send(NetworkMessage::Version(VersionMessage::new(
            ServiceFlags::NONE,
            0,
            nobody.clone(),
            nobody,
            1,
            "/test/".to_owned(),
            0,
        )))
        .await;
        assert!(matches!(node.receive().await, NetworkMessage::Version(_)));
        assert!(matches!(node.receive().await, NetworkMessage::Verack));
        node.send(NetworkMessage::SendHeaders).await;
        node.send(NetworkMessage::Verack).await;
        assert!(matches!(node.receive().await, NetworkMessage::SendHeaders));
        node
    }

    async fn send(&mut self, message: NetworkMessage) {
        let bytes = wire::frame(params().magic, message);
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn receive(&mut self) -> NetworkMessage {
        wire::read_message(&mut self.stream, params().magic)
            .await
            .unwrap()
            .unwrap()
    }

    async fn headers(&mut self, locator: Vec<BlockHash>) -> Vec<Header> {
        let stop = BlockHash::all_zeros();
        self.send(NetworkMessage::GetHeaders(GetHeadersMessage::new(
            locator, stop,
        )))
        .await;
        match self.receive().await {
            NetworkMessage::Headers(headers) => headers,
            other => panic!("{other:?}"),
        }
    }

    async fn block(&mut self, hash: BlockHash) -> Block {
        self.send(NetworkMessage::GetData(vec![Inventory::WitnessBlock(hash)]))
            .await;
        match self.receive().await {
            NetworkMessage::Block(block) => block,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn blocks_in_any_order_become_a_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let mut blocks = chain(params().genesis.header, 50, 0);
    let tip = blocks[49].block_hash();
    blocks.reverse();
    blocks.swap(3, 40);
    append(&path, &blocks);
    let archive = Archive::open(&[path], &params()).unwrap();
    assert_eq!(archive.tip(), (50, tip));
    assert_eq!(archive.len(), 50);
}

#[test]
fn a_longer_branch_takes_over_and_its_headers_are_news() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let main = chain(params().genesis.header, 5, 0);
    append(&path, &main);
    let archive = Archive::open(std::slice::from_ref(&path), &params()).unwrap();
    let old_tip = archive.tip().1;
    // A branch of the same length changes nothing, one block more does.
    let branch = chain(main[2].header, 3, 1);
    append(&path, &branch[..2]);
    assert!(!archive.refresh().unwrap());
    append(&path, &branch[2..]);
    assert!(archive.refresh().unwrap());
    assert_eq!(archive.tip(), (6, branch[2].block_hash()));
    let news: Vec<Header> = branch.iter().map(|block| block.header).collect();
    assert_eq!(archive.headers_since(old_tip), news);
}

#[test]
fn a_block_that_is_still_being_appended_is_taken_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let whole = dir.path().join("whole.dat");
    append(&whole, &chain(params().genesis.header, 2, 0));
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let archive = Archive::open(std::slice::from_ref(&path), &params()).unwrap();
    assert_eq!(archive.tip().0, 1);
    std::fs::write(&path, &bytes).unwrap();
    assert!(archive.refresh().unwrap());
    assert_eq!(archive.tip().0, 2);
}

#[test]
fn a_file_of_another_network_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    append(&path, &chain(params().genesis.header, 1, 0));
    let Err(error) = Archive::open(&[path], &Params::new(Network::Bitcoin)) else {
        panic!("it was taken");
    };
    assert!(format!("{error:#}").contains("no block of this network at offset 0"));
}

#[tokio::test]
async fn headers_and_blocks_are_served_as_they_stand_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let blocks = chain(params().genesis.header, 3, 0);
    append(&path, &blocks);
    let server = Server::start(&args(&path), &params()).await.unwrap();
    let mut node = Node::connect(&server).await;
    let headers = node.headers(vec![blocks[0].block_hash()]).await;
    assert_eq!(headers, [blocks[1].header, blocks[2].header]);
    assert_eq!(node.block(blocks[1].block_hash()).await, blocks[1]);
    assert_eq!(server.blocks_sent(), 1);
    let unknown = BlockHash::all_zeros();
    node.send(NetworkMessage::GetData(vec![Inventory::Block(unknown)]))
        .await;
    assert!(matches!(node.receive().await, NetworkMessage::NotFound(_)));
}

#[tokio::test]
async fn appended_blocks_are_announced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let blocks = chain(params().genesis.header, 30, 0);
    append(&path, &blocks[..2]);
    let server = Server::start(&args(&path), &params()).await.unwrap();
    let mut node = Node::connect(&server).await;
    append(&path, &blocks[2..3]);
    match node.receive().await {
        NetworkMessage::Headers(headers) => assert_eq!(headers, [blocks[2].header]),
        other => panic!("{other:?}"),
    }
    // Many at once: only the tip's hash, the node asks for the rest.
    append(&path, &blocks[3..]);
    loop {
        match node.receive().await {
            NetworkMessage::Headers(_) => {}
            NetworkMessage::Inv(items) => {
                assert_eq!(items, [Inventory::Block(blocks[29].block_hash())]);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stalling_peer_still_answers_pings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let blocks = chain(params().genesis.header, 2, 0);
    append(&path, &blocks);
    let mut args = args(&path);
    args.behaviour.stall_after = Some(1);
    let server = Server::start(&args, &params()).await.unwrap();
    let mut node = Node::connect(&server).await;
    assert_eq!(node.block(blocks[0].block_hash()).await, blocks[0]);
    let second = Inventory::WitnessBlock(blocks[1].block_hash());
    node.send(NetworkMessage::GetData(vec![second])).await;
    node.send(NetworkMessage::Ping(7)).await;
    assert!(matches!(node.receive().await, NetworkMessage::Pong(7)));
}

#[tokio::test]
async fn a_corrupted_block_keeps_its_header_and_loses_its_merkle_root() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let blocks = chain(params().genesis.header, 2, 0);
    append(&path, &blocks);
    let mut args = args(&path);
    args.behaviour.corrupt_block = vec![2];
    let server = Server::start(&args, &params()).await.unwrap();
    let mut node = Node::connect(&server).await;
    assert_eq!(node.block(blocks[0].block_hash()).await, blocks[0]);
    let bad = node.block(blocks[1].block_hash()).await;
    assert_eq!(bad.header, blocks[1].header);
    assert!(blocks[1].check_merkle_root());
    assert!(!bad.check_merkle_root());
}

#[tokio::test]
async fn latency_and_rate_hold_answers_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    let blocks = chain(params().genesis.header, 20, 0);
    append(&path, &blocks);
    let mut args = args(&path);
    args.behaviour.latency = Some(Duration::from_millis(30));
    args.behaviour.rate = Some(10_000);
    let server = Server::start(&args, &params()).await.unwrap();
    let begun = Instant::now();
    let mut node = Node::connect(&server).await;
    let all = blocks
        .iter()
        .map(|block| Inventory::WitnessBlock(block.block_hash()))
        .collect();
    node.send(NetworkMessage::GetData(all)).await;
    for _ in 0..20 {
        assert!(matches!(node.receive().await, NetworkMessage::Block(_)));
    }
    // Two answers with 30 ms each, and 20 blocks of 309 bytes at 10 kB/s: a lower bound holds on any machine.
    assert!(begun.elapsed() >= Duration::from_millis(60 + 400));
}

#[tokio::test]
async fn garbage_ends_the_connection_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.dat");
    append(&path, &chain(params().genesis.header, 1, 0));
    let server = Server::start(&args(&path), &params()).await.unwrap();
    let mut bad = TcpStream::connect(server.addr()).await.unwrap();
    bad.write_all(&[0x55; 100]).await.unwrap();
    let closed = timeout(Duration::from_secs(20), async {
        let mut byte = [0];
        use tokio::io::AsyncReadExt as _;
        matches!(bad.read(&mut byte).await, Ok(0) | Err(_))
    });
    assert!(closed.await.unwrap());
    Node::connect(&server).await;
}
