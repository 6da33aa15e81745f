//! HTTP: who may call, how much at a time, what is malformed.

use serde_json::json;
use tipward_rpc::{Cookie, CookieReaders, Credentials, Server, ServerConfig};

use crate::fake::{FakeNode, HEIGHT, PASSWORD, USER, config, serve};
use crate::http::{Connection, authorization, connect, request};

const COUNT: &str = r#"{"id":1,"method":"getblockcount"}"#;

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    for _ in 0..3 {
        let response = connection.post(COUNT).await;
        assert_eq!(response.status, 200);
        assert!(response.head.contains("content-type: application/json"));
    }
    // Two at once: the answers come in their order.
    let two = request("/", &authorization(), COUNT).repeat(2);
    connection.write(two.as_bytes()).await;
    assert_eq!(
        connection.read().await.unwrap().json()["result"],
        json!(HEIGHT)
    );
    assert_eq!(
        connection.read().await.unwrap().json()["result"],
        json!(HEIGHT)
    );
}

#[tokio::test]
async fn sixty_four_connections_are_served_at_a_time() {
    let server = serve(&FakeNode::new()).await;
    let addr = server.local_addrs()[0];
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..64 {
        clients.spawn(async move {
            let mut connection = Connection::open(addr).await;
            for _ in 0..10 {
                let reply = connection.call("getblockhash", json!([1])).await;
                assert!(reply["result"].is_string(), "{reply}");
            }
        });
    }
    while let Some(outcome) = clients.join_next().await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn only_those_who_know_the_password_get_in() {
    let server = serve(&FakeNode::new()).await;
    for wrong in [
        Credentials::new(USER, "wrong").header(),
        Credentials::new("other", PASSWORD).header(),
        Credentials::new(USER, "").header(),
        "Basic".into(),
        "Basic !!!".into(),
        format!("Bearer {}", authorization()),
    ] {
        let mut connection = connect(&server).await;
        connection
            .write(request("/", &wrong, COUNT).as_bytes())
            .await;
        let response = connection.read().await.unwrap();
        assert_eq!(response.status, 401, "{wrong}");
        assert!(
            response
                .head
                .contains("www-authenticate: basic realm=\"jsonrpc\"")
        );
        assert_eq!(response.body, "");
    }
    let mut connection = connect(&server).await;
    connection
        .write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(connection.read().await.unwrap().status, 401);
    // Afterwards the same connection may still do it right.
    assert_eq!(connection.post(COUNT).await.status, 200);
}

#[tokio::test]
async fn a_cookie_lets_in_and_is_gone_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("any.cookie");
    let cookie = Cookie::create(&path, CookieReaders::Owner).unwrap();
    let server = Server::bind(ServerConfig {
        credentials: vec![cookie.credentials().clone()],
        ..config()
    })
    .await
    .unwrap();
    server.ready(FakeNode::new());
    let header = Cookie::read(&path).unwrap().header();
    let mut connection = connect(&server).await;
    connection
        .write(request("/", &header, COUNT).as_bytes())
        .await;
    assert_eq!(connection.read().await.unwrap().status, 200);
    drop(cookie);
    assert!(Cookie::read(&path).is_err());
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    connection.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let response = connection.read().await.unwrap();
    assert_eq!(response.status, 405);
    assert_eq!(response.body, "JSONRPC server handles only POST requests");
    connection
        .write(request("/other", &authorization(), COUNT).as_bytes())
        .await;
    assert_eq!(connection.read().await.unwrap().status, 404);
}

#[tokio::test]
async fn bytes_that_are_no_http_cost_their_connection_only() {
    let server = serve(&FakeNode::new()).await;
    for bytes in [
        &b"\x00\x01\x02\x03\r\n\r\n"[..],
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        let mut connection = connect(&server).await;
        connection.write(bytes).await;
        if let Some(response) = connection.read().await {
            assert_eq!(response.status, 400);
        }
    }
    assert_eq!(connect(&server).await.post(COUNT).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n",
        authorization(),
        (32 << 20) + 1
    );
    connection.write(head.as_bytes()).await;
    assert_eq!(connection.read().await.unwrap().status, 413);
}

#[tokio::test]
async fn a_chunked_body_is_understood() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let (first, second) = COUNT.split_at(10);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        authorization(),
        first.len(),
        second.len()
    );
    connection.write(request.as_bytes()).await;
    assert_eq!(
        connection.read().await.unwrap().json()["result"],
        json!(HEIGHT)
    );
}

#[tokio::test]
async fn a_full_queue_is_said_so() {
    let node = FakeNode::new();
    let server = Server::bind(ServerConfig {
        work_queue: 1,
        ..config()
    })
    .await
    .unwrap();
    server.ready(node.clone());
    let mut waiter = connect(&server).await;
    waiter
        .write(
            request(
                "/",
                &authorization(),
                r#"{"id":1,"method":"waitforblockheight","params":[1000]}"#,
            )
            .as_bytes(),
        )
        .await;
    let mut other = connect(&server).await;
    // The waiting call takes the only place as soon as it is there.
    let refused = loop {
        let response = other.post(COUNT).await;
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body, "Work queue depth exceeded");
    drop(waiter);
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_place_back() {
    let node = FakeNode::new();
    let server = Server::bind(ServerConfig {
        work_queue: 1,
        ..config()
    })
    .await
    .unwrap();
    server.ready(node.clone());
    let body = r#"{"id":1,"method":"waitforblockheight","params":[1000]}"#;
    let mut waiter = connect(&server).await;
    waiter
        .write(request("/", &authorization(), body).as_bytes())
        .await;
    let mut other = connect(&server).await;
    while other.post(COUNT).await.status == 200 {}
    drop(waiter);
    while other.post(COUNT).await.status != 200 {}
}
