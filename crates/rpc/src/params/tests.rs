use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::methods;

fn by_name(method: &str, named: Value) -> Result<Vec<Value>, RpcError> {
    let Value::Object(members) = named else {
        panic!("named parameters are an object");
    };
    arguments(
        methods::find(method).unwrap(),
        Params::Named(members.into_iter().collect()),
    )
}

#[test]
fn gaps_between_named_parameters_are_null_and_none_are_added_at_the_end() {
    assert_eq!(
        by_name("disconnectnode", json!({ "nodeid": 3 })),
        Ok(vec![Value::Null, json!(3)])
    );
    assert_eq!(
        by_name("disconnectnode", json!({ "address": "a" })),
        Ok(vec![json!("a")])
    );
    assert_eq!(by_name("disconnectnode", json!({})), Ok(vec![]));
}

#[test]
fn named_parameters_follow_positional_ones() {
    assert_eq!(
        by_name(
            "addnode",
            json!({ "args": ["a"], "v2transport": false, "command": "add" })
        ),
        Ok(vec![json!("a"), json!("add"), json!(false)])
    );
    let twice = by_name("addnode", json!({ "args": ["a", "add"], "command": "add" }));
    assert_eq!(
        twice.unwrap_err().message,
        "Parameter command specified twice both as positional and named argument"
    );
}

proptest! {
    #[test]
    fn whatever_the_parameters_a_method_sees_only_what_its_table_allows(
        method in 0..methods::table().count(),
        values in prop::collection::vec(
            prop_oneof![
                Just(Value::Null), Just(json!(1)), Just(json!(-1.5)), Just(json!("x")), Just(json!(true)), Just(json!([])),
            ],
            0..5,
        ),
        named in any::<bool>(),
    ) {
        let method = methods::table().nth(method).unwrap();
        let params = if named {
            let names = method.args.iter().flat_map(|arg| arg.names).chain(&["args", "other"]);
            Params::Named(names.map(|name| (*name).to_string()).zip(values).collect())
        } else {
            Params::Positional(values)
        };
        if let Ok(args) = arguments(method, params) {
            prop_assert!(method.accepts_count(args.len()));
            for (i, arg) in method.args.iter().enumerate() {
                prop_assert_eq!(arg.check_type(args.get(i).unwrap_or(&Value::Null)), Ok(()));
            }
        }
    }
}
