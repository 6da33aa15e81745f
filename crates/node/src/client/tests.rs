use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

#[test]
fn parameters_are_json_where_they_can_be_and_text_otherwise() {
    let given = texts(&[
        "2000",
        "true",
        "127.0.0.1:8333",
        "[1]",
        "\"7\"",
        "-1",
        "00ff",
    ]);
    assert_eq!(
        params(&given, false).unwrap(),
        json!([2000, true, "127.0.0.1:8333", [1], "7", -1, "00ff"])
    );
}

#[test]
fn a_hash_of_digits_only_is_text() {
    let hash = "1".repeat(64);
    assert_eq!(value(&hash), Value::String(hash));
}

#[test]
fn named_parameters_need_a_name() {
    let given = texts(&["height=5", "blockhash=abc=d"]);
    assert_eq!(
        params(&given, true).unwrap(),
        json!({"height": 5, "blockhash": "abc=d"})
    );
    assert!(params(&texts(&["5"]), true).is_err());
}

/// A server that answers one request with `answer` and returns what it was sent.
fn one_answer(answer: &'static str) -> (std::net::SocketAddr, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let mut length = 0;
        while !request[..length].ends_with(b"}") {
            length += stream.read(&mut request[length..]).unwrap();
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
        String::from_utf8(request[..length].to_vec()).unwrap()
    });
    (addr, thread)
}

#[test]
fn a_call_carries_the_cookie_and_returns_the_result() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".cookie"), "__cookie__:secret").unwrap();
    let (addr, server) = one_answer(r#"{"jsonrpc":"2.0","id":1,"result":4312}"#);
    let result = Client::with_cookie(addr, dir.path()).call("getblockcount", json!([]));
    assert_eq!(result.unwrap(), json!(4312));
    let request = server.join().unwrap();
    // base64 of "__cookie__:secret".
    assert!(request.contains("Authorization: Basic X19jb29raWVfXzpzZWNyZXQ="));
}

#[test]
fn an_error_of_the_node_keeps_its_code() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".cookie"), "a:b").unwrap();
    let (addr, _server) = one_answer(
        r#"{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}"#,
    );
    match Client::with_cookie(addr, dir.path()).call("getblockhash", json!([9])) {
        Err(CallError::Rpc { code, message }) => {
            assert_eq!((code, message.as_str()), (-8, "Block height out of range"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_cookie_the_node_counts_as_unreachable() {
    let dir = tempfile::tempdir().unwrap();
    let addr = "127.0.0.1:1".parse().unwrap();
    let result = Client::with_cookie(addr, dir.path()).call("uptime", json!([]));
    assert!(matches!(result, Err(CallError::Unreachable(_))));
}
