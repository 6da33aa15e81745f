//! REST: every kind of answer in every format, and every refusal.
//!
//! `rest.json` holds what Bitcoin Core answered to the same requests on the same chain.

use serde_json::{Value, json};
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::bitcoin::consensus::encode::serialize;
use tipward_primitives::bitcoin::hex::DisplayHex as _;
use tipward_rpc::{Server, ServerConfig};

use crate::answers::comparable;
use crate::fake::{FakeNode, config, serve};
use crate::http::{Connection, Response, connect};
use crate::spending::Spending;

async fn get(connection: &mut Connection, path: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.write(request.as_bytes()).await;
    connection.read().await.expect("a response")
}

/// What is asked of Core and of us.
pub(crate) fn paths(spending: &Spending) -> Vec<String> {
    let genesis = spending.genesis().to_string();
    let block = |at: usize| spending.blocks[at].block_hash().to_string();
    let tip = block(spending.blocks.len() - 1);
    let spender = spending.spender().to_string();
    let fork = spending.fork.block_hash().to_string();
    let header_only = spending.header_only.block_hash().to_string();
    let unknown = "00".repeat(32);
    let mut paths = Vec::new();
    let mut add = |path: String| paths.push(path);
    for format in ["bin", "hex", "json", "xml", ""] {
        for hash in [&genesis, &tip, &spender, &fork, &header_only, &unknown] {
            add(format!("/rest/block/{hash}.{format}"));
            add(format!("/rest/block/notxdetails/{hash}.{format}"));
            add(format!("/rest/headers/{hash}.{format}?count=3"));
        }
        for hash in [&genesis, &tip, &spender, &unknown] {
            add(format!("/rest/spenttxouts/{hash}.{format}"));
        }
        for height in ["0", "3", "100000", "-1", "+1", "x^y", ""] {
            add(format!("/rest/blockhashbyheight/{height}.{format}"));
        }
        add(format!(
            "/rest/blockpart/{spender}.{format}?offset=0&size=80"
        ));
        add(format!("/rest/deploymentinfo.{format}"));
        add(format!("/rest/deploymentinfo/{spender}.{format}"));
        add(format!("/rest/mempool/info.{format}"));
        add(format!("/rest/mempool/contents.{format}"));
    }
    for path in [
        format!("/rest/headers/5/{genesis}.hex"),
        format!("/rest/headers/2000/{genesis}.json"),
        format!("/rest/headers/{genesis}.json"),
        format!("/rest/headers/2001/{genesis}.json"),
        format!("/rest/headers/0/{genesis}.json"),
        format!("/rest/headers/-1/{genesis}.json"),
        format!("/rest/headers/+5/{genesis}.json"),
        format!("/rest/headers/1/2/{genesis}.json"),
        format!("/rest/headers/{genesis}.json?count="),
        "/rest/headers/5/abc.json".into(),
        "/rest/block/abc.json".into(),
        "/rest/block/notxdetails/.bin".into(),
        format!("/rest/block/{}.hex", genesis.to_uppercase()),
        format!("/rest/block/{}.hex", unknown.replacen('0', "A", 1)),
        "/rest/spenttxouts/abc.bin".into(),
        format!("/rest/spenttxouts/1/{genesis}.bin"),
        "/rest/deploymentinfo/abc.json".into(),
        format!("/rest/deploymentinfo/{unknown}.json"),
        "/rest/chaininfo.json".into(),
        "/rest/chaininfo.hex".into(),
        "/rest/chaininfo".into(),
        format!("/rest/blockpart/{spender}.hex?offset=4&size=32"),
        format!("/rest/blockpart/{spender}.hex?offset=4&size=0"),
        format!("/rest/blockpart/{spender}.hex?offset=4&size=100000000"),
        format!("/rest/blockpart/{spender}.hex?size=4"),
        format!("/rest/blockpart/{spender}.hex?offset=4"),
        format!("/rest/blockpart/{spender}.hex?offset=-4&size=1"),
        "/rest/mempool/contents.json?verbose=false".into(),
        "/rest/mempool/contents.json?verbose=false&mempool_sequence=true".into(),
        "/rest/mempool/contents.json?mempool_sequence=true".into(),
        "/rest/mempool/contents.json?verbose=maybe".into(),
        "/rest/mempool/other.json".into(),
        "/rest/getutxos.json".into(),
        "/rest/getutxos/checkmempool.json".into(),
        "/rest/getutxos/abc.json".into(),
        format!("/rest/getutxos/{unknown}-0.xml"),
        "/rest/".into(),
        "/rest/other/1.json".into(),
    ] {
        add(path);
    }
    for outpoints in spending.outpoints_of_interest() {
        for format in ["json", "hex", "bin"] {
            add(format!("/rest/getutxos/{outpoints}.{format}"));
            add(format!("/rest/getutxos/checkmempool/{outpoints}.{format}"));
        }
    }
    paths
}

/// An answer without what differs for a reason.
pub(crate) fn answer(path: &str, status: u16, kind: Option<&str>, body: &[u8]) -> Value {
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(json) if path.contains(".json") => {
            // Text would hide that members have another order.
            let text = comparable(&json);
            serde_json::from_str(&text).unwrap()
        }
        _ => match std::str::from_utf8(body) {
            Ok(text) if !path.contains(".bin") || status != 200 => json!(text),
            _ => json!({ "bytes": body.to_lower_hex_string() }),
        },
    };
    // Core names a type even where there is nothing.
    let kind = kind.filter(|_| body != "");
    json!({ "path": path, "status": status, "type": kind, "body": body })
}

fn our_answer(path: &str, response: &Response) -> Value {
    let kind = response
        .head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "));
    answer(path, response.status, kind, &response.bytes)
}

#[tokio::test]
async fn answers_of_rest_are_those_of_core() {
    let spending = Spending::new();
    let recorded: Value = serde_json::from_str(include_str!("rest.json")).unwrap();
    let recorded = recorded.as_array().unwrap();
    let paths = paths(&spending);
    assert_eq!(recorded.len(), paths.len());
    let server = serve(&spending.node()).await;
    let mut connection = connect(&server).await;
    let mut different = Vec::new();
    for (path, recorded) in paths.iter().zip(recorded) {
        let ours = our_answer(path, &get(&mut connection, path).await);
        // As text, so that the order of members and the digits of numbers count too.
        let (ours, cores) = (ours.to_string(), recorded.to_string());
        if ours != cores {
            different.push(format!("ours: {ours}\nCore: {cores}\n"));
        }
    }
    assert!(different.is_empty(), "{}", different.concat());
}

#[tokio::test]
async fn rest_is_off_unless_asked_for() {
    let server = Server::bind(ServerConfig {
        rest: false,
        ..config()
    })
    .await
    .unwrap();
    server.ready(FakeNode::new());
    let mut connection = connect(&server).await;
    let response = get(&mut connection, "/rest/chaininfo.json").await;
    assert_eq!((response.status, response.body.as_str()), (404, ""));
}

#[tokio::test]
async fn rest_says_that_the_node_is_starting() {
    let server = Server::bind(config()).await.unwrap();
    server.set_warmup("Looking around");
    let mut connection = connect(&server).await;
    let response = get(&mut connection, "/rest/chaininfo.json").await;
    assert_eq!(response.status, 503);
    assert_eq!(
        response.body,
        "Service temporarily unavailable: Looking around\r\n"
    );
}

#[tokio::test]
async fn a_block_that_cannot_be_read_is_said_so() {
    let spending = Spending::new();
    let node = spending.node();
    let hash = spending.spender();
    node.forget(&hash);
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let response = get(&mut connection, &format!("/rest/block/{hash}.bin")).await;
    assert_eq!(response.status, 500);
    assert_eq!(response.body, format!("I/O error reading {hash}\r\n"));
}

#[tokio::test]
async fn undo_data_that_is_gone_is_said_so() {
    let spending = Spending::new();
    let node = spending.node();
    let hash = spending.spender();
    *node.lost_undo.lock().unwrap() = Some(hash);
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let response = get(&mut connection, &format!("/rest/spenttxouts/{hash}.json")).await;
    assert_eq!(response.status, 404);
    assert_eq!(response.body, format!("{hash} undo not available\r\n"));
}

#[tokio::test]
async fn outputs_can_be_asked_for_in_a_body() {
    let spending = Spending::new();
    let server = serve(&spending.node()).await;
    let mut connection = connect(&server).await;
    let outpoints = spending.outpoints_of_interest();
    let by_path = get(
        &mut connection,
        &format!("/rest/getutxos/{}.bin", outpoints[0]),
    )
    .await;
    let mut body = vec![0_u8];
    let parsed: Vec<OutPoint> = outpoints[0]
        .split('/')
        .map(|text| text.replace('-', ":").parse().unwrap())
        .collect();
    body.push(parsed.len() as u8);
    body.extend(parsed.iter().flat_map(serialize));
    let head = format!(
        "POST /rest/getutxos.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write(head.as_bytes()).await;
    connection.write(&body).await;
    let by_body = connection.read().await.unwrap();
    assert_eq!((by_body.status, &by_body.bytes), (200, &by_path.bytes));
    for wrong in [
        &body[..body.len() - 1],
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff][..],
    ] {
        let head = format!(
            "POST /rest/getutxos.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            wrong.len()
        );
        connection.write(head.as_bytes()).await;
        connection.write(wrong).await;
        let response = connection.read().await.unwrap();
        assert_eq!(
            (response.status, response.body.as_str()),
            (400, "Parse error\r\n")
        );
    }
}
