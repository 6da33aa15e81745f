//! What JSON-RPC 1.0, 1.1 and 2.0 requests get back, as in Core.

use serde_json::{Value, json};
use tipward_rpc::Server;

use crate::fake::{FakeNode, HEIGHT, config, serve};
use crate::http::{authorization, connect, request};

/// Posts each body and compares status and reply.
async fn check(cases: Vec<(Value, u16, Value)>) {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    for (body, status, reply) in cases {
        let response = connection.post(&body.to_string()).await;
        assert_eq!(response.status, status, "{body} {}", response.body);
        if status == 204 {
            assert_eq!(response.body, "", "{body}");
        } else {
            assert_eq!(response.json(), reply, "{body}");
            assert!(response.body.ends_with('\n'));
        }
    }
}

#[tokio::test]
async fn legacy_requests_show_errors_in_the_status() {
    let not_found = json!({ "code": -32601, "message": "Method not found" });
    check(vec![
        (
            json!({ "id": "a", "method": "getblockcount" }),
            200,
            json!({ "result": HEIGHT, "error": null, "id": "a" }),
        ),
        (
            json!({ "jsonrpc": "1.0", "id": null, "method": "getblockcount", "params": [] }),
            200,
            json!({ "result": HEIGHT, "error": null, "id": null }),
        ),
        (
            json!({ "method": "getblockcount", "params": null }),
            200,
            json!({ "result": HEIGHT, "error": null }),
        ),
        (
            json!({ "version": "1.1", "id": 7, "method": "nothing" }),
            404,
            json!({ "result": null, "error": not_found, "id": 7 }),
        ),
        (
            json!({ "id": 7, "method": "getblockhash", "params": [999] }),
            500,
            json!({ "result": null, "error": { "code": -8, "message": "Block height out of range" }, "id": 7 }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn second_version_requests_never_do() {
    check(vec![
        (
            json!({ "jsonrpc": "2.0", "id": [1, {}], "method": "getblockcount" }),
            200,
            json!({ "jsonrpc": "2.0", "result": HEIGHT, "id": [1, {}] }),
        ),
        (
            json!({ "jsonrpc": "2.0", "id": null, "method": "nothing" }),
            200,
            json!({ "jsonrpc": "2.0", "error": { "code": -32601, "message": "Method not found" }, "id": null }),
        ),
        (json!({ "jsonrpc": "2.0", "method": "getblockcount" }), 204, Value::Null),
        (json!({ "jsonrpc": "2.0", "method": "nothing" }), 204, Value::Null),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_request_is_told_apart() {
    let invalid = |message: &str, id: Value| json!({ "result": null, "error": { "code": -32600, "message": message }, "id": id });
    check(vec![
        (json!({ "id": 1 }), 400, invalid("Missing method", json!(1))),
        (json!({ "id": 1, "method": 5 }), 400, invalid("Method must be a string", json!(1))),
        (
            json!({ "id": 1, "method": "uptime", "params": 5 }),
            400,
            invalid("Params must be an array or object", json!(1)),
        ),
        (
            json!({ "id": 1, "method": "uptime", "jsonrpc": 2.0 }),
            400,
            invalid("jsonrpc field must be a string", json!(1)),
        ),
        (
            json!({ "id": 1, "method": "uptime", "jsonrpc": "3.0" }),
            400,
            invalid("JSON-RPC version not supported", json!(1)),
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 1 }),
            400,
            json!({ "jsonrpc": "2.0", "error": { "code": -32600, "message": "Missing method" }, "id": 1 }),
        ),
        (
            json!("text"),
            500,
            json!({ "result": null, "error": { "code": -32700, "message": "Top-level object parse error" }, "id": null }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_json_is_a_parse_error() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let deep = format!(
        "{{\"method\":\"help\",\"params\":{}{}}}",
        "[".repeat(9999),
        "]".repeat(9999)
    );
    for body in ["", "{", "{}x", "{\"id\":1,}", "[1,", "\u{1}", deep.as_str()] {
        let response = connection.post(body).await;
        assert_eq!(response.status, 500, "{body}");
        let error = &response.json()["error"];
        assert_eq!(
            *error,
            json!({ "code": -32700, "message": "Parse error" }),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_order_with_status_200() {
    let one = json!({ "id": 1, "method": "getblockcount" });
    check(vec![
        (
            json!([one, { "jsonrpc": "2.0", "id": 2, "method": "nothing" }, 5, { "jsonrpc": "2.0", "method": "uptime" }]),
            200,
            json!([
                { "result": HEIGHT, "error": null, "id": 1 },
                { "jsonrpc": "2.0", "error": { "code": -32601, "message": "Method not found" }, "id": 2 },
                { "result": null, "error": { "code": -32600, "message": "Invalid Request object" }, "id": null },
            ]),
        ),
        (json!([]), 200, json!([])),
        (
            json!([{ "jsonrpc": "2.0", "method": "uptime" }, { "jsonrpc": "2.0", "method": "nothing" }]),
            204,
            Value::Null,
        ),
    ])
    .await;
}

#[tokio::test]
async fn parameters_are_checked_as_in_core() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let genesis = server_genesis();
    for (method, params, code, message) in [
        (
            "getblockhash",
            json!(["1"]),
            -3,
            "Wrong type passed:\n{\n    \"Position 1 (height)\": \"JSON value of type string is not of expected type number\"\n}".to_string(),
        ),
        (
            "getblockheader",
            json!([5, 6]),
            -3,
            "Wrong type passed:\n{\n    \"Position 1 (blockhash)\": \"JSON value of type number is not of expected type string\",\n    \"Position 2 (verbose)\": \"JSON value of type number is not of expected type bool\"\n}".into(),
        ),
        (
            "getblock",
            json!([genesis, "1"]),
            -3,
            "JSON value of type string is not of expected type number".into(),
        ),
        ("getblockhash", json!([1.5]), -1, "JSON integer out of range".into()),
        ("getblockhash", json!([1e3]), -1, "JSON integer out of range".into()),
        ("getblockhash", json!([99_999_999_999_u64]), -1, "JSON integer out of range".into()),
        ("getblockhash", json!([-1]), -8, "Block height out of range".into()),
        ("getblock", json!(["00".repeat(32)]), -5, "Block not found".into()),
        ("getblockheader", json!(["zz".repeat(32)]), -8, format!("hash must be hexadecimal string (not '{}')", "zz".repeat(32))),
        ("getblock", json!(["00"]), -8, "blockhash must be of length 64 (not 2, for '00')".into()),
        ("getblockhash", json!({ "high": 1 }), -8, "Unknown named parameter high".into()),
        (
            "getblockhash",
            json!({ "args": [1], "height": 1 }),
            -8,
            "Parameter height specified twice both as positional and named argument".into(),
        ),
        ("getblockhash", json!({ "args": 5 }), -8, "Unknown named parameter args".into()),
    ] {
        let reply = connection.call(method, params.clone()).await;
        assert_eq!(reply["error"], json!({ "code": code, "message": message }), "{method} {params}");
    }
}

fn server_genesis() -> String {
    tipward_primitives::Params::new(tipward_primitives::Network::Regtest)
        .genesis_hash
        .to_string()
}

#[tokio::test]
async fn a_parameter_given_twice_by_name_is_refused() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let response = connection
        .post(r#"{"id":1,"method":"getblockhash","params":{"height":1,"height":2}}"#)
        .await;
    assert_eq!(
        response.json()["error"]["message"],
        "Parameter height specified multiple times"
    );
}

#[tokio::test]
async fn a_wrong_number_of_arguments_gets_the_help_text() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let help = connection.call("help", json!(["getblockhash"])).await["result"].clone();
    assert!(
        help.as_str()
            .unwrap()
            .starts_with("getblockhash height\n\n")
    );
    for params in [json!([]), json!([1, 2]), json!({})] {
        let reply = connection.call("getblockhash", params).await;
        assert_eq!(reply["error"], json!({ "code": -1, "message": help }));
    }
}

#[tokio::test]
async fn named_parameters_and_their_aliases_do_what_positional_ones_do() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let tip = node.tip_hash().to_string();
    let hex = connection.call("getblock", json!([tip, 0])).await["result"].clone();
    assert!(hex.is_string());
    for params in [
        json!([tip, false]),
        json!({ "blockhash": tip, "verbosity": 0 }),
        json!({ "verbose": false, "blockhash": tip }),
        json!({ "args": [tip], "verbosity": 0 }),
        json!({ "args": [tip, 0] }),
    ] {
        let reply = connection.call("getblock", params.clone()).await;
        assert_eq!(reply["result"], hex, "{params}");
    }
}

#[tokio::test]
async fn every_call_is_refused_with_what_the_node_is_busy_with_until_it_is_ready() {
    let server = Server::bind(config()).await.unwrap();
    let mut connection = connect(&server).await;
    for message in ["RPC server started", "Loading headers"] {
        if message != "RPC server started" {
            server.set_warmup(message);
        }
        let response = connection.post(r#"{"id":1,"method":"nothing"}"#).await;
        assert_eq!(response.status, 500);
        assert_eq!(
            response.json()["error"],
            json!({ "code": -28, "message": message })
        );
    }
    server.ready(FakeNode::new());
    assert_eq!(
        connection.call("getblockcount", json!([])).await["result"],
        json!(HEIGHT)
    );
}

#[tokio::test]
async fn there_are_no_wallets() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"getbalance"}"#;
    connection
        .write(request("/wallet/mine", &authorization(), body).as_bytes())
        .await;
    let reply = connection.read().await.unwrap().json();
    // The method is not known, and that is said first.
    assert_eq!(reply["error"]["code"], json!(-32601));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"getblockcount"}"#;
    connection
        .write(request("/wallet/mine", &authorization(), body).as_bytes())
        .await;
    assert_eq!(
        connection.read().await.unwrap().json()["error"]["code"],
        json!(-18)
    );
}
