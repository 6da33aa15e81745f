//! Users that may call some methods only.

use serde_json::json;
use tipward_rpc::{Credentials, Server, ServerConfig, Whitelist};

use crate::fake::{FakeNode, HEIGHT, config};
use crate::http::{Response, connect, request};

/// The password of alice is secret.
const ALICE: &str = "alice:00$9d99c71b29e66632d629706e7b26d047dbb417a67e7997ecbe75f3dc08763692";

async fn server(whitelist: Whitelist) -> Server {
    let server = Server::bind(ServerConfig {
        credentials: vec![
            Credentials::new("bob", "secret"),
            Credentials::new("carol", "secret"),
        ],
        salted_logins: vec![ALICE.parse().unwrap()],
        whitelist,
        ..config()
    })
    .await
    .unwrap();
    server.ready(FakeNode::new());
    server
}

async fn post(server: &Server, user: &str, body: &str) -> Response {
    let login = Credentials::new(user, "secret").header();
    let mut connection = connect(server).await;
    connection
        .write(request("/", &login, body).as_bytes())
        .await;
    connection.read().await.unwrap()
}

const COUNT: &str = r#"{"id":1,"method":"getblockcount"}"#;
const UPTIME: &str = r#"{"jsonrpc":"2.0","id":1,"method":"uptime"}"#;

#[tokio::test]
async fn a_salted_password_lets_in_as_any_other() {
    let server = server(Whitelist::default()).await;
    let response = post(&server, "alice", COUNT).await;
    assert_eq!(response.json()["result"], json!(HEIGHT));
    assert_eq!(post(&server, "dave", COUNT).await.status, 401);
}

#[tokio::test]
async fn users_may_call_what_the_whitelist_says() {
    let server = server(Whitelist::new(["alice:getblockcount", "bob"], None)).await;
    assert_eq!(post(&server, "alice", COUNT).await.status, 200);
    for (user, body) in [("alice", UPTIME), ("bob", COUNT), ("carol", COUNT)] {
        let response = post(&server, user, body).await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (403, ""),
            "{user}"
        );
    }
}

#[tokio::test]
async fn one_forbidden_call_forbids_its_batch() {
    let server = server(Whitelist::new(["alice:getblockcount"], Some(false))).await;
    let both = format!("[{COUNT},{UPTIME}]");
    assert_eq!(post(&server, "alice", &both).await.status, 403);
    assert_eq!(post(&server, "carol", &both).await.status, 200);
    let allowed = post(&server, "alice", &format!("[{COUNT},{COUNT}]")).await;
    assert_eq!(allowed.json()[1]["result"], json!(HEIGHT));
    for (body, status, code) in [("[1]", 400, -32600), (r#"[{"id":1}]"#, 500, -32700)] {
        let response = post(&server, "alice", body).await;
        assert_eq!(
            (response.status, &response.json()["error"]["code"]),
            (status, &json!(code))
        );
    }
}

#[tokio::test]
async fn what_is_no_request_is_said_so_before_rights_are_looked_at() {
    let server = server(Whitelist::new(["alice"], None)).await;
    for (body, status) in [("{", 500), (r#"{"id":1}"#, 400), (COUNT, 403)] {
        assert_eq!(post(&server, "alice", body).await.status, status, "{body}");
    }
    // Who may call nothing at all hears no more than that.
    assert_eq!(post(&server, "bob", r#"{"id":1}"#).await.status, 403);
    assert_eq!(post(&server, "bob", "{").await.status, 500);
}
