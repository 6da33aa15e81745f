//! Addresses, scripts, new transactions, messages, figures of mining: what needs little or nothing of the chain.
//!
//! `utilities.json` holds what Bitcoin Core answered to the same calls on the same chain.

use serde_json::{Value, json};
use tipward_primitives::{Params, Timestamp};
use tipward_rpc::{Backend as _, BanInfo, Command, Refused};

use crate::answers::comparable;
use crate::fake::{FakeNode, Material, serve};
use crate::http::connect;

/// A point of the curve.
const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
/// A private key of Bitcoin Core's own tests, and its address.
const WIF: &str = "cUeKHd5orzT3mz8P9pxyREHfsWtVfgsfDjiZZBcjUBAaGk1BTj7N";
const SIGNER: &str = "mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB";

/// What is asked of Core and of us.
pub(crate) fn calls() -> Vec<(&'static str, Value)> {
    let mut calls = Vec::new();
    let mut ask = |method, all: Vec<Value>| calls.extend(all.into_iter().map(|p| (method, p)));
    ask("getnetworkhashps", figures());
    ask("getmininginfo", vec![json!([])]);
    ask("getindexinfo", vec![json!([]), json!(["txindex"])]);
    ask(
        "getmemoryinfo",
        vec![json!([]), json!(["stats"]), json!(["nonsense"])],
    );
    ask(
        "logging",
        vec![
            json!([["nonsense"]]),
            json!([[], ["nonsense"]]),
            json!([[1]]),
        ],
    );
    ask("validateaddress", addresses());
    ask("decodescript", scripts());
    ask("createrawtransaction", new_transactions());
    ask("decoderawtransaction", raw_transactions());
    ask(
        "estimatesmartfee",
        vec![
            json!([1]),
            json!([6]),
            json!([1008, "CONSERVATIVE"]),
            json!([6, "unset"]),
            json!([0]),
            json!([1009]),
            json!([6, "nonsense"]),
        ],
    );
    let txid = "11".repeat(32);
    for method in [
        "getmempoolentry",
        "getmempoolancestors",
        "getmempooldescendants",
        "getmempoolcluster",
    ] {
        ask(
            method,
            vec![json!([txid]), json!(["11"]), json!(["zz".repeat(32)])],
        );
    }
    ask("gettxspendingprevout", outpoints());
    ask("signmessagewithprivkey", to_sign());
    ask("verifymessage", signed());
    calls
}

fn figures() -> Vec<Value> {
    vec![
        json!([]),
        json!([-1]),
        json!([1]),
        json!([5, 7]),
        json!([1000]),
        json!([10, 0]),
        json!([0]),
        json!([-2]),
        json!([5, 100]),
        json!([5, -2]),
    ]
}

fn addresses() -> Vec<Value> {
    let bech32 = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let mut texts = vec![
        SIGNER.to_owned(),
        format!(" {SIGNER} "),
        "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc".into(),
        bech32.into(),
        bech32.to_uppercase(),
        "bcrt1pfeesnyr2tx".into(),
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa".into(),
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".into(),
        "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx".into(),
        String::new(),
        "bcrt1".into(),
        "bcrt1q".into(),
        "bcrtq".into(),
        "mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxC".into(),
        "mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zx".into(),
        "0OIl".into(),
        "é".into(),
        format!("bcrt1{}", "q".repeat(90)),
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygT080".into(),
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7bygt080".into(),
    ];
    // Of Bitcoin Core's own tests of invalid addresses.
    for text in [
        "bcrt1q049edschfnwystcqnsvyfpj23mpsg3jcedq9xv049edschfnwystcqnsvyfpj23mpsg3jcedq9xv049edschfnwystcqnsvyfpj23m",
        "bcrt1qp8lvr4gk5h7wqpkj4y",
        "bcrt1rw5uspcuh",
        "bcrt1q049edschfnwystcqnsvyfpj23mpsg3jcxdq9xv",
        "bcrt1qax9suht3qv95sw33xavx8crpxduefdrsvgsklx",
        "bcrt1qq05edschfnwystcqnsvyfpj23mpsg3jcxdq9xv",
        "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
        "bcrt1sw50qgdz25j",
        "bcrt10qqqqqqqqqqqqqqqqqqqqq",
    ] {
        texts.push(text.into());
    }
    // One wrong character, and two.
    for places in [vec![8], vec![43], vec![6, 30], vec![7, 8], vec![5, 6, 7]] {
        let mut wrong: Vec<char> = bech32.chars().collect();
        for at in places {
            wrong[at] = if wrong[at] == 'q' { 'p' } else { 'q' };
        }
        texts.push(wrong.into_iter().collect());
    }
    texts.into_iter().map(|text| json!([text])).collect()
}

fn scripts() -> Vec<Value> {
    let (hash20, hash32) = ("ab".repeat(20), "cd".repeat(32));
    [
        String::new(),
        format!("76a914{hash20}88ac"),
        format!("a914{hash20}87"),
        format!("0014{hash20}"),
        format!("0020{hash32}"),
        format!("5120{KEY}"),
        "51024e73".into(),
        format!("5220{hash32}"),
        format!("2102{KEY}ac"),
        format!("2102{hash32}ac"),
        format!("4104{KEY}{KEY}ac"),
        format!("512102{KEY}2103{KEY}52ae"),
        format!("512102{KEY}4104{KEY}{KEY}52ae"),
        "6a0548656c6c6f".into(),
        "51".into(),
        "ba".into(),
        "50".into(),
        "bb".into(),
        "4c".into(),
        "009f69930164b0ba504cff".into(),
        "5".into(),
        "zz".into(),
    ]
    .into_iter()
    .map(|script| json!([script]))
    .collect()
}

fn new_transactions() -> Vec<Value> {
    let txid = "22".repeat(32);
    let input = json!([{ "txid": txid, "vout": 1 }]);
    let paid = json!([{ SIGNER: 0.1 }]);
    let with_input = |members: Value| json!([[members], paid]);
    let with_outputs = |outputs: Value| json!([input, outputs]);
    vec![
        json!([[], []]),
        json!([[], {}]),
        json!([[], paid]),
        json!([input, paid]),
        json!([input, { SIGNER: "0.00000001", "data": "00ff" }]),
        json!([input, [{ "data": "aa".repeat(300) }, { SIGNER: 21_000_000 }]]),
        json!([input, paid, 7]),
        json!([input, paid, 7, false]),
        json!([input, paid, 0, false]),
        json!([input, paid, 0, true]),
        json!([input, paid, 0, null, 3]),
        json!([input, paid, 0, null, 4]),
        json!([input, paid, -1]),
        json!([input, paid, 4_294_967_295_u32]),
        json!([input, paid, 4_294_967_296_u64]),
        json!([[{ "txid": txid, "vout": 0, "sequence": 4_294_967_294_u32 }], paid, 0, true]),
        json!([[{ "txid": txid, "vout": 0, "sequence": 5 }], paid, 0, true]),
        with_input(json!({ "txid": txid })),
        with_input(json!({ "vout": 1 })),
        with_input(json!({ "txid": "22", "vout": 1 })),
        with_input(json!({ "txid": "zz".repeat(32), "vout": 1 })),
        with_input(json!({ "txid": txid, "vout": "1" })),
        with_input(json!({ "txid": txid, "vout": -1 })),
        with_input(json!({ "txid": txid, "vout": 1, "sequence": -1 })),
        with_input(json!({ "txid": txid, "vout": 1, "sequence": 4_294_967_296_u64 })),
        with_input(json!("x")),
        with_outputs(json!(null)),
        with_outputs(json!("x")),
        with_outputs(json!(["x"])),
        with_outputs(json!([{}])),
        with_outputs(json!([{ "a": 1, "b": 2 }])),
        with_outputs(json!([{ "nonsense": 1 }])),
        with_outputs(json!([{ SIGNER: -1 }])),
        with_outputs(json!([{ SIGNER: 21_000_001 }])),
        with_outputs(json!([{ SIGNER: "x" }])),
        with_outputs(json!([{ SIGNER: true }])),
        with_outputs(json!([{ "data": "zz" }])),
        with_outputs(json!([{ "data": "" }])),
        with_outputs(json!([{ "data": 12 }])),
        with_outputs(json!([{ SIGNER: 1 }, { SIGNER: 2 }])),
        with_outputs(json!([{ "data": "00" }, { "data": "01" }])),
        json!(["x", paid]),
    ]
}

fn raw_transactions() -> Vec<Value> {
    let unfunded = "0200000000 01 e803000000000000 0151 00000000".replace(' ', "");
    let witness = format!(
        "02000000 0001 01 {} 00000000 00 ffffffff 01 e803000000000000 0151 01 01 aa 00000000",
        "11".repeat(32)
    )
    .replace(' ', "");
    let mut all = Vec::new();
    for text in [
        unfunded.as_str(),
        &witness,
        "0200000000000000000000",
        "00",
        "",
    ] {
        all.push(json!([text]));
        all.push(json!([text, true]));
        all.push(json!([text, false]));
    }
    all
}

fn outpoints() -> Vec<Value> {
    let one = json!({ "txid": "11".repeat(32), "vout": 3 });
    vec![
        json!([[one]]),
        json!([[one, one], { "mempool_only": true }]),
        json!([[one], { "mempool_only": false }]),
        json!([[one], { "return_spending_tx": true }]),
        json!([[one], { "other": true }]),
        json!([[one], { "mempool_only": 1 }]),
        json!([[]]),
        json!([[1]]),
        json!([[{ "txid": "11".repeat(32) }]]),
        json!([[{ "vout": 1 }]]),
        json!([[{ "txid": 1, "vout": 1 }]]),
        json!([[{ "txid": "11", "vout": 1 }]]),
        json!([[{ "txid": "11".repeat(32), "vout": -1 }]]),
        json!([[{ "txid": "11".repeat(32), "vout": 1, "other": 1 }]]),
    ]
}

fn to_sign() -> Vec<Value> {
    vec![
        json!([WIF, "This is just a test message"]),
        json!([WIF, ""]),
        json!(["nonsense", "x"]),
        // A key of the main network.
        json!(["5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss", "x"]),
    ]
}

fn signed() -> Vec<Value> {
    const SIGNATURE: &str =
        "INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0=";
    const MESSAGE: &str = "This is just a test message";
    vec![
        json!([SIGNER, SIGNATURE, MESSAGE]),
        json!([SIGNER, SIGNATURE, "another message"]),
        json!(["mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8", SIGNATURE, MESSAGE]),
        json!([SIGNER, "INbVnW4e6PeRmsv2", MESSAGE]),
        json!([SIGNER, "nonsense", MESSAGE]),
        json!([SIGNER, "", MESSAGE]),
        json!([SIGNER, "!", MESSAGE]),
        json!(["nonsense", SIGNATURE, MESSAGE]),
        json!([
            "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
            SIGNATURE,
            MESSAGE
        ]),
    ]
}

#[tokio::test]
async fn answers_of_the_utilities_are_those_of_core() {
    let recorded: Value = serde_json::from_str(include_str!("utilities.json")).unwrap();
    let recorded = recorded.as_array().unwrap();
    let asked = calls();
    assert_eq!(recorded.len(), asked.len());
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let mut different = Vec::new();
    for (case, (method, params)) in recorded.iter().zip(asked) {
        assert_eq!(
            (&case["method"], &case["params"]),
            (&json!(method), &params)
        );
        let reply = connection.call(method, params.clone()).await;
        let ours = (comparable(&reply["result"]), &reply["error"]);
        let cores = (comparable(&case["result"]), &case["error"]);
        if ours != cores {
            different.push(format!(
                "{method} {params}\nours: {ours:?}\nCore: {cores:?}\n"
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.concat());
}

#[tokio::test]
async fn the_next_block_of_a_test_network_is_easy_after_twenty_minutes() {
    let params = std::sync::Arc::new(Params::new(tipward_primitives::Network::Testnet));
    let genesis_time = u64::from(params.genesis.header.time);
    let node = FakeNode::with_params(params, Timestamp::from_secs(genesis_time));
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (later, bits) in [(0, "1d00ffff"), (1201, "1d00ffff")] {
        *node.time.lock().unwrap() = Timestamp::from_secs(genesis_time + later);
        let info = connection.call("getmininginfo", json!([])).await["result"].clone();
        assert_eq!(info["next"]["height"], json!(1));
        assert_eq!(info["next"]["bits"], json!(bits));
    }
}

#[tokio::test]
async fn bans_are_passed_on_and_listed() {
    let node = FakeNode::new();
    let now = node.now().as_secs();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    let subnet = || "1.2.3.0/24".to_string();
    for (method, params) in [
        ("setban", json!([subnet(), "add"])),
        ("setban", json!([subnet(), "add", 60])),
        ("setban", json!([subnet(), "add", -60])),
        ("setban", json!([subnet(), "add", now + 7, true])),
        ("setban", json!([subnet(), "add", i64::MAX])),
        ("setban", json!([subnet(), "remove"])),
        ("clearbanned", json!([])),
    ] {
        let reply = connection.call(method, params).await;
        assert_eq!(reply["result"], Value::Null, "{reply}");
    }
    let ban = |until| Command::Ban {
        subnet: subnet(),
        until,
    };
    assert_eq!(
        *node.commands.lock().unwrap(),
        [
            ban(now + 86_400),
            ban(now + 60),
            ban(now + 86_400),
            ban(now + 7),
            ban(i64::MAX as u64),
            Command::Unban(subnet()),
            Command::ClearBans,
        ]
    );
    *node.bans.lock().unwrap() = vec![BanInfo {
        subnet: subnet(),
        created: Timestamp::from_secs(now - 10),
        until: Timestamp::from_secs(now + 20),
    }];
    let listed = connection.call("listbanned", json!([])).await;
    assert_eq!(
        listed["result"],
        json!([{
            "address": "1.2.3.0/24", "ban_created": now - 10, "banned_until": now + 20, "ban_duration": 30,
            "time_remaining": 20,
        }])
    );
}

#[tokio::test]
async fn bans_that_make_no_sense_are_refused() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (refusal, params, code) in [
        (None, json!(["1.2.3.4", "nonsense"]), -1),
        (None, json!(["1.2.3.4", "add", 5, true]), -8),
        (Some(Refused::InvalidSubnet), json!(["x", "add"]), -30),
        (Some(Refused::AlreadyBanned), json!(["1.2.3.4", "add"]), -23),
        (Some(Refused::NotBanned), json!(["1.2.3.4", "remove"]), -30),
    ] {
        *node.refusal.lock().unwrap() = refusal;
        let reply = connection.call("setban", params).await;
        assert_eq!(reply["error"]["code"], json!(code), "{reply}");
    }
}

#[tokio::test]
async fn what_is_logged_in_detail_can_be_seen_and_changed() {
    let node = FakeNode::new();
    let server = serve(&node).await;
    let mut connection = connect(&server).await;
    for (params, expected) in [
        (json!([]), json!({ "net": false, "rpc": true })),
        (
            json!([["net"], ["rpc"]]),
            json!({ "net": true, "rpc": false }),
        ),
        (
            json!([["rpc"], ["rpc"]]),
            json!({ "net": true, "rpc": false }),
        ),
        (
            json!([null, ["net"]]),
            json!({ "net": false, "rpc": false }),
        ),
    ] {
        let reply = connection.call("logging", params).await;
        assert_eq!(reply["result"].to_string(), expected.to_string());
    }
}

#[tokio::test]
async fn what_is_published_by_zmq_is_listed_as_core_lists_it() {
    let server = serve(&FakeNode::new()).await;
    let mut connection = connect(&server).await;
    let reply = connection.call("getzmqnotifications", json!([])).await;
    assert_eq!(
        reply["result"].to_string(),
        r#"[{"type":"pubhashblock","address":"tcp://127.0.0.1:28332","hwm":1000}]"#
    );
}

/// The chain that Core is given for `utilities.json`.
pub(crate) fn material() -> Material {
    Material::new(&Params::new(tipward_primitives::Network::Regtest))
}
