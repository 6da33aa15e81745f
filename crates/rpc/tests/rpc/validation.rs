//! Calls that need a node which validates, where Core's answers cannot be recorded.

use std::sync::Arc;

use serde_json::{Value, json};
use tipward_primitives::bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use tipward_primitives::bitcoin::{Block, OutPoint, ScriptBuf, Transaction};
use tipward_primitives::{Network, Params, Timestamp};
use tipward_rpc::{Backend as _, FetchRefused, Judgement};

use crate::fake::{FakeNode, HEIGHT, serve};
use crate::http::connect;
use crate::spending::{KINDS, Spending};

#[tokio::test]
async fn judgements_reach_the_node() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let tip = node.tip_hash();
    for (method, judgement) in [
        ("invalidateblock", Judgement::Invalid),
        ("reconsiderblock", Judgement::Reconsider),
        ("preciousblock", Judgement::Precious),
    ] {
        let reply = connection.call(method, json!([tip.to_string()])).await;
        assert_eq!(
            (&reply["result"], &reply["error"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            node.judgements.lock().unwrap().pop(),
            Some((tip, judgement))
        );
    }
    node.judgement_fails
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let reply = connection
        .call("invalidateblock", json!([tip.to_string()]))
        .await;
    assert_eq!(
        reply["error"],
        json!({ "code": -20, "message": "the disk is full" })
    );
}

#[tokio::test]
async fn a_peer_is_asked_for_a_block_that_is_not_stored() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let view = node.view();
    let missing = view.hash(view.best_header());
    let params = json!([missing.to_string(), 3]);
    let reply = connection.call("getblockfrompeer", params.clone()).await;
    assert_eq!(reply["result"], json!({}), "{reply}");
    assert_eq!(*node.fetched.lock().unwrap(), [(missing, 3)]);
    for (refusal, code, message) in [
        (FetchRefused::NoSuchPeer, -1, "Peer does not exist"),
        (FetchRefused::NoWitness, -1, "Pre-SegWit peer"),
        (
            FetchRefused::AlreadyRequested,
            -1,
            "Already requested from this peer",
        ),
        (FetchRefused::ShuttingDown, -9, "Shutting down"),
    ] {
        *node.fetch_refusal.lock().unwrap() = Some(refusal);
        let reply = connection.call("getblockfrompeer", params.clone()).await;
        assert_eq!(reply["error"], json!({ "code": code, "message": message }));
    }
    *node.fetch_refusal.lock().unwrap() = None;
    let reply = connection
        .call("getblockfrompeer", json!([missing.to_string(), -1]))
        .await;
    assert_eq!(reply["error"]["message"], "Peer does not exist");
}

#[tokio::test]
async fn blocks_are_made_on_the_tip() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let address = "bcrt1pfeesnyr2tx";
    let reply = connection
        .call("generatetoaddress", json!([3, address]))
        .await;
    let hashes = reply["result"].as_array().unwrap().clone();
    assert_eq!(hashes.len(), 3);
    assert_eq!(json!(node.tip_hash().to_string()), hashes[2]);
    let block = connection.call("getblock", json!([hashes[0], 2])).await["result"].clone();
    assert_eq!(block["height"], json!(HEIGHT + 1));
    assert_eq!(
        block["tx"][0]["vout"][0]["scriptPubKey"]["address"],
        address
    );

    let reply = connection
        .call("generatetodescriptor", json!([1, "raw(51)#8lvh9jxk"]))
        .await;
    assert_eq!(json!(node.tip_hash().to_string()), reply["result"][0]);
    for (method, params) in [
        ("generatetoaddress", json!([0, address])),
        ("generatetoaddress", json!([-1, address])),
        ("generatetoaddress", json!([1, address, 0])),
        ("generatetodescriptor", json!([1, "raw(51)", 0])),
    ] {
        let reply = connection.call(method, params.clone()).await;
        assert_eq!(reply["result"], json!([]), "{method} {params}: {reply}");
    }
    let count = connection.call("getblockcount", json!([])).await;
    assert_eq!(count["result"], json!(HEIGHT + 4));
}

#[tokio::test]
async fn a_block_of_given_transactions_is_made_tested_and_taken() {
    let node = Spending::new().node();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    // The coinbase of height 3 can be spent by everybody.
    let at_3 = node.view().hash_at(3).unwrap().to_string();
    let reply = connection.call("getblock", json!([at_3, 0])).await;
    let block: Block = deserialize_hex(reply["result"].as_str().unwrap()).unwrap();
    let mut spend: Transaction = block.txdata[0].clone();
    spend.input[0].previous_output = OutPoint::new(block.txdata[0].compute_txid(), 0);
    spend.input[0].script_sig = ScriptBuf::new();
    spend.input[0].witness.clear();
    spend.output.truncate(1);
    let tx = serialize_hex(&spend);

    let reply = connection
        .call("generateblock", json!(["bcrt1pfeesnyr2tx", [tx], false]))
        .await;
    let made: Block = deserialize_hex(reply["result"]["hex"].as_str().unwrap()).unwrap();
    assert_eq!(reply["result"]["hash"], made.block_hash().to_string());
    assert_eq!(made.txdata[1], spend);
    assert_ne!(
        node.tip_hash(),
        made.block_hash(),
        "it was not to be submitted"
    );

    let reply = connection
        .call("generateblock", json!(["raw(51)", [tx]]))
        .await;
    assert_eq!(
        reply["result"],
        json!({ "hash": node.tip_hash().to_string() })
    );

    let reply = connection
        .call("generateblock", json!(["raw(51)", [tx]]))
        .await;
    assert_eq!(
        reply["error"],
        json!({
            "code": -25,
            "message": "TestBlockValidity failed: bad-txns-inputs-missingorspent, a detail",
        })
    );
}

#[tokio::test]
async fn blocks_are_made_on_regtest_only() {
    let params = Arc::new(Params::new(Network::Bitcoin));
    let node = FakeNode::with_params(params, Timestamp::from_secs(1));
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (method, params) in [
        ("generatetoaddress", json!([1, "bc1pfeessrawgf"])),
        ("generatetodescriptor", json!([1, "raw(51)"])),
        ("generateblock", json!(["raw(51)", []])),
    ] {
        let reply = connection.call(method, params).await;
        let message = format!("{method} is for regression testing (-regtest mode) only");
        assert_eq!(reply["error"], json!({ "code": -1, "message": message }));
    }
}

#[tokio::test]
async fn what_is_damaged_is_found_at_the_level_that_looks_at_it() {
    let node = Spending::new().node();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let mut whole = async |level: u32, blocks: u32| {
        let reply = connection.call("verifychain", json!([level, blocks])).await;
        reply["result"].as_bool().unwrap()
    };
    assert!(whole(4, 0).await);
    let view = node.view();
    let kinds = view.hash_at(KINDS).unwrap();

    // A script that fails is level 4's to find.
    *node.bad_scripts.lock().unwrap() = Some(kinds);
    assert!(whole(3, 6).await);
    assert!(whole(4, 1).await, "the block is not among the last one");
    assert!(!whole(4, 2).await);
    *node.bad_scripts.lock().unwrap() = None;

    // Coins that differ from what the undo data says are level 3's.
    node.undo_value_off_by_one
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(whole(2, 6).await);
    assert!(
        whole(3, 1).await,
        "what is restored is looked at by an earlier block only"
    );
    assert!(!whole(3, 6).await);
    node.undo_value_off_by_one
        .store(false, std::sync::atomic::Ordering::SeqCst);

    // No undo data: level 2. No block: level 0.
    *node.lost_undo.lock().unwrap() = Some(kinds);
    assert!(whole(1, 6).await);
    assert!(!whole(2, 6).await);
    *node.lost_undo.lock().unwrap() = None;
    node.forget(&view.hash_at(KINDS - 3).unwrap());
    assert!(whole(0, 4).await);
    assert!(!whole(0, 5).await);
}
