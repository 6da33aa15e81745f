use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::frame::{GREETING_SIZE, command, greeting};

async fn publisher() -> (Publisher, SocketAddr) {
    let publisher = Publisher::bind(&"tcp://127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let Endpoint::Tcp(addr) = *publisher.endpoint() else {
        panic!("it is bound to TCP");
    };
    (publisher, addr)
}

/// The handshake of a subscriber, byte by byte as the protocol's document has it.
async fn connect(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(&greeting()).await.unwrap();
    let mut theirs = [0; GREETING_SIZE];
    stream.read_exact(&mut theirs).await.unwrap();
    assert_eq!(theirs[..12], [255, 0, 0, 0, 0, 0, 0, 0, 0, 127, 3, 1]);
    assert_eq!(&theirs[12..17], b"NULL\0");
    stream
        .write_all(b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB")
        .await
        .unwrap();
    let mut ready = [0; 2];
    stream.read_exact(&mut ready).await.unwrap();
    assert_eq!(ready[0], 4);
    let mut body = vec![0; usize::from(ready[1])];
    stream.read_exact(&mut body).await.unwrap();
    assert!(body.starts_with(b"\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"));
    stream
}

async fn subscribe(stream: &mut TcpStream, publisher: &Publisher, topic: &[u8]) {
    stream
        .write_all(&command("SUBSCRIBE", topic))
        .await
        .unwrap();
    until(|| publisher.is_wanted(topic)).await;
}

/// Waits for what comes when the runtime has had its turn.
async fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("it never comes");
}

fn message(topic: &'static str, body: &[u8]) -> Message {
    let parts = [
        Bytes::copy_from_slice(body),
        Bytes::from_static(b"\0\0\0\0"),
    ];
    Message::new(topic, &parts)
}

async fn part(stream: &mut TcpStream) -> (bool, Vec<u8>) {
    let flags = stream.read_u8().await.unwrap();
    let size = if flags & 2 == 0 {
        u64::from(stream.read_u8().await.unwrap())
    } else {
        stream.read_u64().await.unwrap()
    };
    let mut body = vec![0; size as usize];
    stream.read_exact(&mut body).await.unwrap();
    (flags & 1 == 1, body)
}

/// Topic and body of the next message.
async fn receive(stream: &mut TcpStream) -> (Vec<u8>, Vec<u8>) {
    let (more, topic) = part(stream).await;
    assert!(more);
    let (more, body) = part(stream).await;
    assert!(more);
    let (more, tail) = part(stream).await;
    assert!(!more);
    assert_eq!(tail, [0; 4]);
    (topic, body)
}

#[tokio::test]
async fn a_message_goes_to_those_who_subscribed_to_its_topic_or_its_beginning() {
    let (publisher, addr) = publisher().await;
    let mut hashes = connect(addr).await;
    subscribe(&mut hashes, &publisher, b"hash").await;
    let mut blocks = connect(addr).await;
    // As version 3.0 of the protocol does it.
    blocks.write_all(b"\x00\x09\x01rawblock").await.unwrap();
    until(|| publisher.is_wanted(b"rawblock")).await;
    let big = vec![7; 300_000];
    publisher.send(&message("hashblock", b"one"), 10).await;
    publisher.send(&message("rawblock", &big), 10).await;
    publisher.send(&message("sequence", b"nobody's"), 10).await;
    publisher.send(&message("hashtx", &[9; 256]), 10).await;
    assert_eq!(
        receive(&mut hashes).await,
        (b"hashblock".to_vec(), b"one".to_vec())
    );
    assert_eq!(
        receive(&mut hashes).await,
        (b"hashtx".to_vec(), vec![9; 256])
    );
    assert_eq!(receive(&mut blocks).await, (b"rawblock".to_vec(), big));

    hashes.write_all(&command("CANCEL", b"hash")).await.unwrap();
    until(|| !publisher.is_wanted(b"hash")).await;
    drop(blocks);
    until(|| publisher.subscribers() == 1).await;
}

#[tokio::test]
async fn a_ping_is_answered_with_its_context() {
    let (_publisher, addr) = publisher().await;
    let mut stream = connect(addr).await;
    stream
        .write_all(&command("PING", b"\x00\x0acontext"))
        .await
        .unwrap();
    let (more, body) = part(&mut stream).await;
    assert!(!more);
    assert_eq!(body, b"\x04PONGcontext");
}

#[tokio::test]
async fn who_does_not_take_messages_loses_them_and_holds_up_nobody_else() {
    let (publisher, addr) = publisher().await;
    let mut stuck = connect(addr).await;
    subscribe(&mut stuck, &publisher, b"").await;
    let mut quick = connect(addr).await;
    subscribe(&mut quick, &publisher, b"quick").await;
    // More than the sockets' buffers hold.
    let body = vec![1; 1_000_000];
    for _ in 0..60 {
        publisher.send(&message("slow", &body), 5).await;
    }
    publisher.send(&message("quick", b"now"), 5).await;
    assert_eq!(receive(&mut quick).await.1, b"now");
    let mut kept = 0;
    while receive(&mut stuck).await.0 == b"slow" {
        kept += 1;
        if kept == 5 {
            // It has made room: what comes now is taken again.
            publisher.send(&message("last", b""), 0).await;
        }
    }
    assert!((5..60).contains(&kept), "{kept} of 60");
}

#[tokio::test]
async fn a_burst_is_more_than_the_queue_holds_and_reaches_who_takes_it() {
    let (mut publisher, addr) = publisher().await;
    // However slow the machine is.
    publisher.patience = std::time::Duration::MAX;
    let mut stream = connect(addr).await;
    subscribe(&mut stream, &publisher, b"").await;
    let reader = tokio::spawn(async move {
        for i in 0..2000_u32 {
            assert_eq!(receive(&mut stream).await.1, i.to_le_bytes());
        }
    });
    for i in 0..2000_u32 {
        publisher.send(&message("t", &i.to_le_bytes()), 10).await;
    }
    reader.await.unwrap();
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let (publisher, addr) = publisher().await;
    let mut wrong = greeting();
    wrong[12..17].copy_from_slice(b"PLAIN");
    let mut old = greeting();
    old[10] = 1;
    let request = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec();
    let push = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH";
    let long = b"\x02\x00\x00\x00\x00\x10\x00\x00\x00";
    let hello = || greeting().to_vec();
    for bytes in [
        wrong.to_vec(),
        old.to_vec(),
        request,
        [hello(), push.to_vec()].concat(),
        [hello(), long.to_vec()].concat(),
        [hello(), b"\x00\x01\x01".to_vec()].concat(),
    ] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        // Closed, or reset because of what it did not read.
        let _ = stream.read_to_end(&mut rest).await;
        until(|| publisher.subscribers() == 0).await;
    }
}

#[tokio::test]
async fn no_more_subscribers_than_there_is_room_for() {
    let (publisher, addr) = publisher().await;
    let mut streams = Vec::new();
    for _ in 0..MOST_SUBSCRIBERS {
        streams.push(TcpStream::connect(addr).await.unwrap());
    }
    until(|| publisher.subscribers() == MOST_SUBSCRIBERS).await;
    let mut late = TcpStream::connect(addr).await.unwrap();
    let mut nothing = Vec::new();
    assert_eq!(late.read_to_end(&mut nothing).await.unwrap(), 0);
    streams.pop();
    until(|| publisher.subscribers() < MOST_SUBSCRIBERS).await;
    connect(addr).await;
}

#[tokio::test]
async fn a_unix_socket_replaces_the_file_of_a_dead_process_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zmq");
    let endpoint: Endpoint = format!("ipc://{}", path.display()).parse().unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let publisher = Publisher::bind(&endpoint).await.unwrap();
    let error = Publisher::bind(&endpoint).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    drop(publisher);
    assert!(!path.exists());
    std::fs::write(&path, "mine").unwrap();
    assert!(Publisher::bind(&endpoint).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[test]
fn endpoints_are_read_as_libzmq_reads_them() {
    for (text, meant) in [
        ("tcp://127.0.0.1:28332", "tcp://127.0.0.1:28332"),
        ("tcp://*:1", "tcp://0.0.0.0:1"),
        ("tcp://localhost:1", "tcp://127.0.0.1:1"),
        ("tcp://[::1]:28332", "tcp://[::1]:28332"),
        ("ipc:///tmp/a", "ipc:///tmp/a"),
        ("unix:/tmp/a", "ipc:///tmp/a"),
    ] {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), meant);
    }
    for bad in [
        "",
        "127.0.0.1:28332",
        "tcp://127.0.0.1",
        "tcp://:1",
        "tcp://host:1",
        "tcp://::1:5",
        "tcp://127.0.0.1:99999",
        "ipc://",
        "udp://127.0.0.1:1",
    ] {
        assert_eq!(bad.parse::<Endpoint>(), Err(BadEndpoint), "{bad}");
    }
}
