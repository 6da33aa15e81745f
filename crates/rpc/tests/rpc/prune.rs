//! What is said of blocks that were deleted to save space, in Core's words.

use std::sync::Arc;

use serde_json::{Value, json};
use tipward_rpc::{Backend as _, Pruning, Server, ServerConfig};

use crate::fake::{FakeNode, HEIGHT, config, serve};
use crate::http::{Connection, connect};

const PRUNING: Pruning = Pruning {
    target: Some(550 << 20),
    after_height: 5,
    kept: 4,
};

async fn refusal(connection: &mut Connection, method: &str, params: Value) -> (Value, Value) {
    let error = connection.call(method, params).await["error"].take();
    (error["code"].clone(), error["message"].clone())
}

#[tokio::test]
async fn blocks_are_deleted_up_to_a_height_or_a_time_and_some_are_kept() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let mut refused = async |pruning, height: i64| {
        *node.pruning.lock().unwrap() = pruning;
        let (code, message) = refusal(&mut connection, "pruneblockchain", json!([height])).await;
        (code.as_i64().unwrap(), message.as_str().unwrap().to_owned())
    };
    let not = "Cannot prune blocks because node is not in prune mode.";
    assert_eq!(refused(None, 1).await, (-1, not.to_owned()));
    let negative = "Negative block height.";
    assert_eq!(refused(Some(PRUNING), -1).await, (-8, negative.to_owned()));
    let beyond = "Blockchain is shorter than the attempted prune height.";
    let above = i64::from(HEIGHT) + 1;
    assert_eq!(refused(Some(PRUNING), above).await, (-8, beyond.to_owned()));
    let late = "Could not find block with at least the specified timestamp.";
    assert_eq!(
        refused(Some(PRUNING), 4_000_000_000).await.0,
        -1,
        "no number of 32 bits"
    );
    assert_eq!(
        refused(Some(PRUNING), 2_000_000_000).await,
        (-8, late.to_owned())
    );
    let short = Pruning {
        after_height: HEIGHT + 1,
        ..PRUNING
    };
    let too_short = "Blockchain is too short for pruning.";
    assert_eq!(refused(Some(short), 1).await, (-1, too_short.to_owned()));

    let reply = connection.call("pruneblockchain", json!([2])).await;
    assert_eq!(reply["error"]["message"], too_short);
    *node.pruning.lock().unwrap() = Some(PRUNING);
    let reply = connection.call("pruneblockchain", json!([2])).await;
    assert_eq!(reply["result"], 2);
    // By time: the third block, and what a clock may be wrong by.
    let view = node.view();
    let time = view.entry(view.active_at(3).unwrap()).time() + 2 * 60 * 60;
    let reply = connection.call("pruneblockchain", json!([time])).await;
    assert_eq!(reply["result"], 3);
    let reply = connection.call("pruneblockchain", json!([HEIGHT])).await;
    assert_eq!(reply["result"], HEIGHT - PRUNING.kept);
}

#[tokio::test]
async fn a_deleted_block_is_told_of_as_core_does() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let reply = connection.call("getblockchaininfo", json!([])).await;
    assert_eq!(reply["result"]["pruned"], false);
    assert_eq!(reply["result"].get("pruneheight"), None);

    *node.pruning.lock().unwrap() = Some(PRUNING);
    let reply = connection.call("getblockchaininfo", json!([])).await;
    assert_eq!(reply["result"]["pruneheight"], 0);
    connection.call("pruneblockchain", json!([4])).await;
    let info = connection.call("getblockchaininfo", json!([])).await["result"].take();
    assert_eq!(info["pruned"], true);
    assert_eq!(info["pruneheight"], 5);
    assert_eq!(info["automatic_pruning"], true);
    assert_eq!(info["prune_target_size"], 550 << 20);
    let by_order = Pruning {
        target: None,
        ..PRUNING
    };
    *node.pruning.lock().unwrap() = Some(by_order);
    let info = connection.call("getblockchaininfo", json!([])).await["result"].take();
    assert_eq!(info["automatic_pruning"], false);
    assert_eq!(info.get("prune_target_size"), None);

    let view = node.view();
    let gone = view.hash_at(4).unwrap().to_string();
    let kept = view.hash_at(5).unwrap().to_string();
    let pruned = (json!(-1), json!("Block not available (pruned data)"));
    for (method, params) in [
        ("getblock", json!([gone])),
        ("getblock", json!([gone, 0])),
        ("getblockstats", json!([4])),
        ("invalidateblock", json!([gone])),
    ] {
        let refused = refusal(&mut connection, method, params).await;
        assert_eq!(refused, pruned, "{method}");
    }
    // What the headers tell is still there.
    let header = connection.call("getblockheader", json!([gone])).await["result"].take();
    assert_eq!(header["nTx"], 1);
    let reply = connection.call("getblock", json!([kept])).await;
    assert_eq!(reply["result"]["height"], 5);
    let reply = connection.call("verifychain", json!([4, 0])).await;
    assert_eq!(reply["result"], true, "{reply}");
}

#[tokio::test]
async fn rest_has_a_word_of_its_own_for_deleted_blocks() {
    let node = FakeNode::new();
    *node.pruning.lock().unwrap() = Some(PRUNING);
    let config = ServerConfig {
        rest: true,
        ..config()
    };
    let server = Server::bind(config).await.unwrap();
    server.ready(Arc::<FakeNode>::clone(&node));
    let mut connection = connect(&server).await;
    connection.call("pruneblockchain", json!([4])).await;
    let gone = node.view().hash_at(4).unwrap();
    for format in ["bin", "hex", "json"] {
        let request = format!("GET /rest/block/{gone}.{format} HTTP/1.1\r\nHost: x\r\n\r\n");
        connection.write(request.as_bytes()).await;
        let response = connection.read().await.unwrap();
        assert_eq!(response.status, 404);
        assert_eq!(
            response.body,
            format!("{gone} not available (pruned data)\r\n")
        );
    }
}
