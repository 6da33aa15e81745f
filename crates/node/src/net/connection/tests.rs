use bytes::Buf as _;
use tipward_p2p::wire::{WireError, encode_frame};
use tipward_primitives::{Network, Params};
use tipward_store::BlockStore;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;

/// No wait of a test takes as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for what should not come to come if it did.
const A_WHILE: Duration = Duration::from_millis(200);

struct Lab {
    _dir: tempfile::TempDir,
    magic: [u8; 4],
    genesis: BlockHash,
    connection: Option<Connection>,
    reports: mpsc::Receiver<Incoming>,
    far: TcpStream,
}

impl Lab {
    async fn new() -> Self {
        Self::with_queue(4).await
    }

    /// With room for so many reports between the connection and the test.
    async fn with_queue(reports: usize) -> Self {
        Self::with_limits(reports, Limits::default()).await
    }

    async fn with_limits(reports: usize, limits: Limits) -> Self {
        let params = Params::new(Network::Regtest);
        let dir = tempfile::tempdir().unwrap();
        let (store, _, _) = BlockStore::open(dir.path(), &params).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap());
        let (far, near) = tokio::join!(far, listener.accept());
        let (reports_in, reports) = mpsc::channel(reports);
        let connection = Connection::start(
            PeerId(7),
            near.unwrap().0,
            Transport::V1,
            params.magic,
            Reports::new(reports_in),
            store.reader(),
            limits,
        );
        Self {
            _dir: dir,
            magic: params.magic,
            genesis: params.genesis_hash,
            connection: Some(connection),
            reports,
            far: far.unwrap(),
        }
    }

    async fn write(&mut self, message: &Message) {
        let mut frame = encode_frame(self.magic, message);
        let bytes = frame.copy_to_bytes(frame.remaining());
        self.far.write_all(&bytes).await.unwrap();
    }

    async fn next(&mut self) -> Input {
        let incoming = timeout(PATIENCE, self.reports.recv()).await;
        incoming.expect("a report").unwrap().input
    }

    async fn next_ping(&mut self) -> u64 {
        match self.next().await {
            Input::Message {
                message: Message::Ping(nonce),
                peer: PeerId(7),
                size: 32,
            } => nonce,
            other => panic!("{other:?}"),
        }
    }

    async fn assert_silent(&mut self) {
        assert!(timeout(A_WHILE, self.reports.recv()).await.is_err());
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().unwrap()
    }
}

#[tokio::test]
async fn messages_come_in_order_and_the_end_comes_last() {
    let mut lab = Lab::new().await;
    for nonce in 0..20 {
        lab.write(&Message::Ping(nonce)).await;
    }
    lab.far.shutdown().await.unwrap();
    for nonce in 0..20 {
        assert_eq!(lab.next_ping().await, nonce);
    }
    assert!(matches!(
        lab.next().await,
        Input::Disconnected { error: None, .. }
    ));
    assert!(
        timeout(PATIENCE, lab.reports.recv())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn what_is_read_and_sent_counts_against_the_limits() {
    // Too high to wait for.
    let limits = Limits {
        download: Limit::new(1 << 40),
        upload: Limit::new(1 << 40),
    };
    let mut lab = Lab::with_limits(16, limits.clone()).await;
    lab.write(&Message::Ping(1)).await;
    assert_eq!(lab.next_ping().await, 1);
    assert_eq!(limits.download.bytes_passed(), 24 + 8);
    lab.connection().send(Message::Pong(1)).unwrap();
    let Input::Sent { .. } = lab.next().await else {
        panic!("the pong is sent");
    };
    assert_eq!(limits.upload.bytes_passed(), 24 + 8);
}

#[tokio::test]
async fn what_a_peer_sends_waits_while_it_is_not_read_from() {
    let mut lab = Lab::new().await;
    lab.write(&Message::Ping(1)).await;
    assert_eq!(lab.next_ping().await, 1);
    lab.connection().set_reading(false);
    lab.write(&Message::Ping(2)).await;
    lab.write(&Message::Ping(3)).await;
    lab.assert_silent().await;
    lab.connection().set_reading(true);
    assert_eq!(lab.next_ping().await, 2);
    assert_eq!(lab.next_ping().await, 3);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_reported_and_nothing_after_them_is_read() {
    let mut lab = Lab::new().await;
    lab.far.write_all(&[0x55; 24]).await.unwrap();
    assert!(matches!(
        lab.next().await,
        Input::Malformed {
            error: WireError::WrongMagic(_),
            ..
        }
    ));
    lab.write(&Message::Ping(1)).await;
    lab.assert_silent().await;
    // The driver parts from it.
    lab.connection = None;
    assert!(matches!(lab.next().await, Input::Disconnected { .. }));
}

#[tokio::test]
async fn a_stored_block_leaves_in_its_turn() {
    let mut lab = Lab::new().await;
    lab.connection().send(Message::Ping(1)).unwrap();
    lab.connection().send_block(lab.genesis, true).unwrap();
    lab.connection().send(Message::Ping(2)).unwrap();
    let mut decoder = V1Reader::new(lab.magic);
    let mut received = Vec::new();
    while received.len() < 3 {
        match decoder.next_message().unwrap() {
            Some(message) => received.push(message.message),
            None => {
                lab.far.read_buf(&mut decoder.buffer()).await.unwrap();
            }
        }
    }
    let [Message::Ping(1), Message::Block(block), Message::Ping(2)] = &received[..] else {
        panic!("{received:?}");
    };
    assert_eq!(block.block_hash(), lab.genesis);
    let mut commands = Vec::new();
    while commands.len() < 4 {
        match lab.next().await {
            Input::Sent { command, .. } => commands.push(command),
            Input::BlockServed { found: true, .. } => commands.push("served"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(commands, ["ping", "served", "block", "ping"]);
}

#[tokio::test]
async fn a_block_that_is_not_stored_is_reported_as_such() {
    let mut lab = Lab::new().await;
    let unknown = BlockHash::from_raw_hash(bitcoin::hashes::Hash::all_zeros());
    lab.connection().send_block(unknown, true).unwrap();
    assert!(matches!(
        lab.next().await,
        Input::BlockServed { found: false, hash, .. } if hash == unknown
    ));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_in_fills_its_queue_and_no_more() {
    let lab = Lab::new().await;
    let headers = Message::Headers(vec![Params::new(Network::Regtest).genesis.header; 2000]);
    let size = wire_size(&headers);
    let mut sent = 0;
    while lab.connection().send(headers.clone()).is_ok() {
        sent += size;
        assert!(sent <= MAX_QUEUED_BYTES, "more than the queue may hold");
    }
    assert!(sent > MAX_QUEUED_BYTES / 2);
}

#[tokio::test]
async fn the_bytes_between_readers_and_driver_are_bounded() {
    let mut lab = Lab::with_queue(1024).await;
    // Nobody takes the reports in: the kernel's buffers and our share fill up, and then the peer has to wait.
    let big = Message::Headers(vec![Params::new(Network::Regtest).genesis.header; 2000]);
    let frame = {
        let mut frame = encode_frame(lab.magic, &big);
        frame.copy_to_bytes(frame.remaining())
    };
    let mut sent = 0;
    while timeout(A_WHILE, lab.far.write_all(&frame)).await.is_ok() {
        sent += frame.len();
        assert!(sent < 2 * INPUT_BYTES, "it reads without end");
    }
    assert!(sent > 0);
}
