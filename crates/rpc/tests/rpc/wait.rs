use std::time::Duration;

use serde_json::json;
use tipward_testkit::build::to_raw;

use crate::fake::{FakeNode, HEIGHT, serve};
use crate::http::connect;

#[tokio::test]
async fn a_wait_for_a_new_block_ends_when_it_comes() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut waiter = connect(&server).await;
    let old = node.tip_hash().to_string();
    let block = node.next_block();
    let hash = block.block_hash().to_string();
    let answer = tokio::spawn(async move { waiter.call("waitfornewblock", json!([0, old])).await });
    node.take(to_raw(&block));
    let answer = answer.await.unwrap();
    assert_eq!(
        answer["result"],
        json!({ "hash": hash, "height": HEIGHT + 1 })
    );
}

#[tokio::test]
async fn a_wait_for_what_is_there_already_ends_at_once() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let tip = json!({ "hash": node.tip_hash().to_string(), "height": HEIGHT });
    for (method, params) in [
        ("waitforblock", json!([node.tip_hash().to_string()])),
        ("waitforblockheight", json!([HEIGHT])),
        ("waitforblockheight", json!([-1])),
        ("waitfornewblock", json!({ "current_tip": "00".repeat(32) })),
    ] {
        assert_eq!(
            connection.call(method, params).await["result"],
            tip,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_wait_that_runs_out_of_time_answers_the_tip() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (method, params) in [
        ("waitforblock", json!(["00".repeat(32), 5])),
        ("waitforblockheight", json!([HEIGHT + 1, 5])),
        ("waitfornewblock", json!([5])),
    ] {
        let answer = connection.call(method, params).await;
        assert_eq!(answer["result"]["height"], json!(HEIGHT), "{method}");
    }
    let negative = connection.call("waitfornewblock", json!([-5])).await;
    assert_eq!(
        negative["error"],
        json!({ "code": -1, "message": "Negative timeout" })
    );
}

#[tokio::test]
async fn a_stopping_server_answers_those_who_wait() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut waiter = connect(&server).await;
    let mut observer = connect(&server).await;
    let answer =
        tokio::spawn(async move { waiter.call("waitforblockheight", json!([1000])).await });
    // Only once the call is in hand does the stop concern it.
    loop {
        let info = observer.call("getrpcinfo", json!([])).await;
        let active = info["result"]["active_commands"].as_array().unwrap().len();
        if active == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.shutdown().await;
    assert_eq!(answer.await.unwrap()["result"]["height"], json!(HEIGHT));
}
