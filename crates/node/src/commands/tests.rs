use super::*;

/// Every command, with the least that it must be told.
const COMMANDS: &[(&[&str], &[&str])] = &[
    (&["cli"], &["getblockcount"]),
    (&["top"], &[]),
    (&["import"], &["blocks"]),
    (&["export"], &["--blocks", "file"]),
    (&["reindex"], &[]),
    (&["reindex-chainstate"], &[]),
    (&["verify"], &[]),
    (&["serve"], &["--blocks", "file"]),
    (&["demo"], &[]),
    (&["bench", "download"], &[]),
    (&["bench", "ibd"], &["--blocks", "file"]),
    (&["bench", "network"], &[]),
    (&["bench", "replay"], &["--blocks", "file"]),
    (&["bench", "rpc"], &["--blocks", "file"]),
    (&["bench", "signatures"], &["--blocks", "file"]),
    (&["generate"], &["--out", "file"]),
    (&["completions"], &["bash"]),
    (&["man"], &[]),
];

/// An option as somebody may write it.
fn written(option: &str) -> [String; 2] {
    let value = match option {
        "network" => "regtest",
        "par" | "dbcache" | "blockbuffer" | "rpcport" => "77",
        "prune" => "1000",
        "fastprune" | "printtoconsole" | "progress" => "on",
        "debug" => "net",
        "loglevel" => "warn",
        "logformat" => "json",
        _ => "something",
    };
    [format!("--{option}"), value.to_owned()]
}

fn options_of(args: &[&[&str]]) -> Options {
    let args = args.concat();
    parse(args.iter().map(OsString::from))
        .unwrap_or_else(|error| panic!("{args:?}: {error}"))
        .options
}

/// Names of the commands that there are.
fn names(command: &clap::Command, before: &[String], found: &mut Vec<Vec<String>>) {
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let mut name = before.to_vec();
        name.push(sub.get_name().to_owned());
        if sub.has_subcommands() {
            names(sub, &name, found);
        } else {
            found.push(name);
        }
    }
}

#[test]
fn options_of_the_node_mean_the_same_before_a_command_and_after_it() {
    let mut there_are = Vec::new();
    names(&CommandLine::command(), &[], &mut there_are);
    let told: Vec<Vec<String>> = COMMANDS
        .iter()
        .map(|(name, _)| name.iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(there_are, told, "a command without a test of its options");
    for (name, least) in COMMANDS {
        let none = options_of(&[&["tipward"], name, least]);
        let used = USED
            .iter()
            .filter(|(commands, _)| commands.contains(&name[0]));
        for option in used.flat_map(|(_, options)| *options) {
            let option = written(option);
            let option: Vec<&str> = option.iter().map(String::as_str).collect();
            let before = options_of(&[&["tipward"], &option, name, least]);
            let after = options_of(&[&["tipward"], name, &option, least]);
            assert_eq!(before, after, "{name:?} {option:?}");
            assert_ne!(before, none, "{name:?} {option:?}");
        }
    }
}

#[test]
fn the_help_of_a_command_shows_the_options_of_the_node_that_it_uses_and_no_others() {
    let command = command();
    let options = CommandLine::command();
    let global: Vec<&str> = options
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .map(|arg| arg.get_id().as_str())
        .collect();
    for (_, options) in USED {
        for option in *options {
            assert!(
                global.contains(option),
                "{option} cannot stand after a command"
            );
        }
    }
    for (name, _) in COMMANDS {
        let mut at = &command;
        for part in *name {
            at = at.find_subcommand(part).unwrap();
        }
        for option in &global {
            let arg = at.get_arguments().find(|arg| arg.get_id() == option);
            let shown = arg.is_some_and(|arg| !arg.is_hide_set());
            let hidden_anyway = ["fastprune", "testactivationheight", "vbparams"].contains(option);
            assert_eq!(
                shown,
                uses(name[0], option) && !hidden_anyway,
                "{name:?} {option}"
            );
        }
    }
}
