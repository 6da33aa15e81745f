use super::*;
use crate::methods;

#[test]
fn words_become_what_the_method_wants() {
    let convert = |name: &str, words: &[&str]| positional(methods::find(name), words);
    assert_eq!(convert("getblockhash", &["12"]), Ok(vec![json!(12)]));
    assert_eq!(
        convert("getblock", &["12", "true"]),
        Ok(vec![json!("12"), json!(true)])
    );
    assert_eq!(
        convert("addnode", &["1", "add", "false"]),
        Ok(vec![json!("1"), json!("add"), json!(false)])
    );
    assert_eq!(
        convert("getblockhash", &["x"]),
        Err(InvalidJson("x".into()))
    );
    // A hash needs no quotes where a height would do too, a list is JSON.
    assert_eq!(
        convert("getblockstats", &["7", "[\"txs\"]"]),
        Ok(vec![json!(7), json!(["txs"])])
    );
    assert_eq!(
        convert("getblockstats", &["00ab", "txs"]),
        Err(InvalidJson("txs".into()))
    );
    assert_eq!(convert("getblockstats", &["00ab"]), Ok(vec![json!("00ab")]));
    assert_eq!(
        convert("unheard-of", &["1", "{}"]),
        Ok(vec![json!("1"), json!("{}")])
    );
}

#[test]
fn named_words_become_members() {
    let convert = |name: &str, words: &[&str]| named(methods::find(name), words).map(Value::Object);
    assert_eq!(
        convert("getblock", &["blockhash=ab", "verbose=0"]),
        Ok(json!({ "blockhash": "ab", "verbose": 0 }))
    );
    assert_eq!(
        convert("getblock", &["ab", "verbosity=0"]),
        Ok(json!({ "verbosity": 0, "args": ["ab"] }))
    );
    assert_eq!(convert("addnode", &["a=b"]), Ok(json!({ "a": "b" })));
    assert_eq!(
        convert("getblockhash", &["height=x"]),
        Err(InvalidJson("x".into()))
    );
}

#[test]
fn results_and_errors_are_printed_as_by_bitcoin_cli() {
    let shown = |outcome| {
        let printed = print(&outcome);
        (printed.stdout, printed.stderr, printed.exit_code)
    };
    let ok = |text: &str| (text.to_string(), String::new(), 0);
    assert_eq!(shown(Ok(Value::Null)), ok(""));
    assert_eq!(shown(Ok(json!("text \"x\""))), ok("text \"x\"\n"));
    assert_eq!(shown(Ok(json!(5))), ok("5\n"));
    assert_eq!(
        shown(Ok(json!({ "a": [1, "b"], "c": [], "d": {} }))),
        ok("{\n  \"a\": [\n    1,\n    \"b\"\n  ],\n  \"c\": [\n  ],\n  \"d\": {\n  }\n}\n")
    );
    assert_eq!(
        shown(Err(RpcError::new(-5, "Block not found").into())),
        (
            String::new(),
            "error code: -5\nerror message:\nBlock not found\n".into(),
            5
        )
    );
    assert_eq!(shown(Err(CallError::Unauthorized)).2, 1);
}

#[test]
fn a_response_is_understood_in_every_version() {
    let response = |status, body: &str| http::Response {
        status,
        body: body.into(),
    };
    let result = understand(&response(
        200,
        "{\"result\":1.50,\"error\":null,\"id\":1}\n",
    ));
    assert_eq!(result.unwrap().to_string(), "1.50");
    assert!(matches!(
        understand(&response(500, r#"{"result":null,"error":{"code":-8,"message":"x"},"id":1}"#)),
        Err(CallError::Rpc(error)) if error == RpcError::new(-8, "x")
    ));
    assert!(matches!(
        understand(&response(401, "")),
        Err(CallError::Unauthorized)
    ));
    assert!(matches!(
        understand(&response(503, "full")),
        Err(CallError::Http { status: 503, .. })
    ));
    assert!(matches!(
        understand(&response(200, "[]")),
        Err(CallError::Nonsense(_))
    ));
    assert!(matches!(
        understand(&response(200, "{}")),
        Err(CallError::Nonsense(_))
    ));
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let warmup = CallError::Rpc(RpcError::new(code::IN_WARMUP, "Loading"));
    assert!(warmup.is_passing());
    assert!(!CallError::Rpc(RpcError::misc("no")).is_passing());
    assert!(!CallError::Unauthorized.is_passing());
}
