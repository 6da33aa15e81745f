//! The page and what belongs to it, over HTTP: who may look, what other sites see, and that events come.

use std::net::SocketAddr;
use std::time::Duration;

use tipward_rpc::{Server, ServerConfig};
use tipward_watch::{Phase, Publisher, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fake::{FakeNode, config};
use crate::http::{Connection, Response, authorization, connect};

fn status(phase: Phase) -> Status {
    Status {
        phase,
        ..Status::default()
    }
}

async fn serve() -> (Server, Publisher) {
    let publisher = Publisher::new(status(Phase::Starting));
    let server = Server::bind(ServerConfig {
        watch: Some(publisher.feed()),
        ..config()
    })
    .await
    .unwrap();
    (server, publisher)
}

/// Asks for a path with these lines in the request's head.
async fn get(connection: &mut Connection, path: &str, head: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\n{head}\r\n");
    connection.write(request.as_bytes()).await;
    connection.read().await.expect("a response")
}

const HERE: &str = "Host: 127.0.0.1\r\n";

#[tokio::test]
async fn the_page_and_all_its_files_are_served_with_a_policy() {
    let (server, _publisher) = serve().await;
    let mut connection = connect(&server).await;
    for asset in &tipward_watch::page::ASSETS {
        let response = get(&mut connection, asset.path, HERE).await;
        assert_eq!(response.status, 200, "{}", asset.path);
        assert_eq!(response.body, asset.body);
        let head = &response.head;
        assert!(head.contains(asset.content_type), "{head}");
        assert!(
            head.contains("content-security-policy: default-src 'none'"),
            "{head}"
        );
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(
            head.contains("cross-origin-resource-policy: same-origin"),
            "{head}"
        );
        assert!(!head.contains("access-control-allow-origin"), "{head}");
    }
}

#[tokio::test]
async fn a_browser_at_the_bare_address_is_led_to_the_page_and_programs_are_not() {
    let (server, _publisher) = serve().await;
    let mut connection = connect(&server).await;
    let browser = get(
        &mut connection,
        "/",
        "Host: localhost\r\nAccept: text/html,*/*\r\n",
    )
    .await;
    assert_eq!(browser.status, 303);
    assert!(browser.head.contains("location: /watch"));
    assert_eq!(get(&mut connection, "/", HERE).await.status, 405);
}

#[tokio::test]
async fn without_a_password_only_this_machine_by_its_name_may_look() {
    let (server, _publisher) = serve().await;
    for (head, status) in [
        (HERE.to_owned(), 200),
        ("Host: localhost:8332\r\n".to_owned(), 200),
        // A name that somebody turned to 127.0.0.1, and what a proxy has passed on.
        ("Host: evil.example\r\n".to_owned(), 401),
        (format!("{HERE}X-Forwarded-For: 192.0.2.7\r\n"), 401),
        // With the password it does not matter.
        (
            format!(
                "Host: evil.example\r\nAuthorization: {}\r\n",
                authorization()
            ),
            200,
        ),
        (
            "Host: node.example\r\nAuthorization: Basic d3Jvbmc6d3Jvbmc=\r\n".to_owned(),
            401,
        ),
    ] {
        for path in [
            "/watch",
            "/watch/status",
            "/watch/course",
            "/metrics",
            "/health",
        ] {
            let mut connection = connect(&server).await;
            let response = get(&mut connection, path, &head).await;
            assert_eq!(response.status, status, "{path} {head}");
        }
    }
}

#[tokio::test]
async fn a_server_that_listens_elsewhere_too_asks_everybody_for_the_password() {
    let publisher = Publisher::new(status(Phase::Synced));
    let server = Server::bind(ServerConfig {
        bind: vec!["127.0.0.1:0".parse().unwrap(), "0.0.0.0:0".parse().unwrap()],
        watch: Some(publisher.feed()),
        ..config()
    })
    .await
    .unwrap();
    let mut connection = connect(&server).await;
    let response = get(&mut connection, "/watch", HERE).await;
    assert_eq!(response.status, 401);
    assert!(response.head.contains("www-authenticate: basic"));
    let head = format!("{HERE}Authorization: {}\r\n", authorization());
    assert_eq!(get(&mut connection, "/watch", &head).await.status, 200);
}

#[tokio::test]
async fn other_sites_in_the_same_browser_get_no_figures() {
    let (server, _publisher) = serve().await;
    let mut connection = connect(&server).await;
    for path in [
        "/watch/status",
        "/watch/events",
        "/watch/course",
        "/metrics",
        "/health",
        "/ready",
    ] {
        let head = format!("{HERE}Sec-Fetch-Site: cross-site\r\n");
        assert_eq!(
            get(&mut connection, path, &head).await.status,
            403,
            "{path}"
        );
    }
    // A link to the page works.
    let head = format!("{HERE}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n");
    assert_eq!(get(&mut connection, "/watch", &head).await.status, 200);
}

#[tokio::test]
async fn nothing_can_be_sent_to_it_and_without_the_option_it_is_not_there() {
    let (server, _publisher) = serve().await;
    let mut connection = connect(&server).await;
    let request = format!("POST /watch/status HTTP/1.1\r\n{HERE}Content-Length: 0\r\n\r\n");
    connection.write(request.as_bytes()).await;
    assert_eq!(connection.read().await.unwrap().status, 405);

    let server = crate::fake::serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    for path in ["/watch", "/metrics", "/health", "/ready"] {
        assert_eq!(get(&mut connection, path, HERE).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn health_and_readiness_are_told_by_the_status() {
    let (server, publisher) = serve().await;
    let mut connection = connect(&server).await;
    assert_eq!(get(&mut connection, "/health", HERE).await.status, 200);
    let ready = get(&mut connection, "/ready", HERE).await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "starting: \n"));
    let mut synced = status(Phase::Synced);
    synced.peers = vec![tipward_watch::Peer {
        state: tipward_watch::PeerState::Idle,
        ..Default::default()
    }];
    publisher.publish(synced);
    let ready = get(&mut connection, "/ready", HERE).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "at height 0\n"));
}

/// A stream of events, as its bytes come.
struct Stream {
    stream: TcpStream,
    seen: String,
}

impl Stream {
    async fn open(addr: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = format!("GET /watch/events HTTP/1.1\r\n{HERE}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self {
            stream,
            seen: String::new(),
        }
    }

    /// Reads on until a text was seen, or the stream has ended.
    async fn until(&mut self, text: &str) -> bool {
        let mut buffer = [0; 4096];
        while !self.seen.contains(text) {
            match self.stream.read(&mut buffer).await {
                Ok(n) if n > 0 => self.seen.push_str(&String::from_utf8_lossy(&buffer[..n])),
                _ => return false,
            }
        }
        true
    }
}

#[tokio::test]
async fn events_come_as_the_status_changes_and_end_with_the_server() {
    let (server, publisher) = serve().await;
    let mut stream = Stream::open(server.local_addrs()[0]).await;
    assert!(stream.until("\"phase\":\"starting\"").await);
    assert!(
        stream
            .seen
            .to_lowercase()
            .contains("content-type: text/event-stream")
    );
    assert!(stream.seen.contains("event: course\n"));
    publisher.publish(status(Phase::Headers));
    assert!(stream.until("\"phase\":\"headers\"").await);
    let stopping = tokio::time::timeout(Duration::from_secs(60), server.shutdown());
    let (_, stopped) = tokio::join!(stream.until("never"), stopping);
    assert!(stopped.is_ok(), "a stream of events holds the server up");
}

#[tokio::test]
async fn so_many_may_watch_at_a_time_and_no_more() {
    let (server, _publisher) = serve().await;
    let addr = server.local_addrs()[0];
    let mut streams = Vec::new();
    for _ in 0..32 {
        let mut stream = Stream::open(addr).await;
        assert!(stream.until("event: status").await);
        streams.push(stream);
    }
    let mut one_more = Stream::open(addr).await;
    assert!(one_more.until("503").await);
    // One that leaves makes room.
    streams.pop();
    loop {
        let mut stream = Stream::open(addr).await;
        if stream.until("\r\n\r\n").await && stream.seen.contains(" 200 ") {
            break;
        }
    }
}
