use std::collections::HashSet;

use super::*;
use crate::{client, methods};

#[test]
fn the_table_holds_together() {
    let mut names = HashSet::new();
    for method in methods::table() {
        assert!(names.insert(method.name), "{} is there twice", method.name);
        assert!(method.name.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(!method.about.is_empty() && !method.result.is_empty());
        let mut arg_names = HashSet::new();
        for arg in method.args {
            assert!(arg.names.iter().all(|name| arg_names.insert(name)));
            assert!(!arg.about.is_empty());
            if let Presence::Default(json) = arg.presence {
                let value: Value = serde_json::from_str(json).unwrap();
                assert_eq!(
                    arg.check_type(&value),
                    Ok(()),
                    "{} {}",
                    method.name,
                    arg.name()
                );
            }
        }
        let optional = method.args.iter().position(|arg| !arg.required());
        let after = &method.args[optional.unwrap_or(method.args.len())..];
        assert!(!after.iter().any(Arg::required), "{}", method.name);
    }
}

#[test]
fn every_example_is_a_good_call() {
    for method in methods::table() {
        for example in method.examples {
            let args = client::positional(Some(method), example).unwrap();
            let outcome = crate::params::arguments(method, crate::params::Params::Positional(args));
            assert!(outcome.is_ok(), "{} {example:?}: {outcome:?}", method.name);
        }
    }
}

#[test]
fn help_tells_all() {
    let help = methods::find("getblock").unwrap().help();
    let (head, rest) = help.split_once('\n').unwrap();
    assert_eq!(head, "getblock \"blockhash\" ( verbosity )");
    for part in [
        "\n\nArguments:\n1. blockhash    (string, hexadecimal, required) ",
        "\n2. verbosity    (numeric or boolean, optional, default=1) ",
        "\n\nResult:\n{\n",
        "\n\nExamples:\n> tipward cli getblock 0000",
        "\"params\": [\"000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f\",0]",
    ] {
        assert!(help.contains(part), "{part} is missing in:\n{rest}");
    }
    assert_eq!(methods::find("stop").unwrap().synopsis(), "stop");
}
