use std::ffi::OsString;

use clap::Args as _;

use super::super::{Config, Options, Switch};
use super::*;

/// What Core's arguments and a `bitcoin.conf` make together, or the error as the user sees it.
fn load(args: &[&str], conf: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bitcoin.conf"), conf).unwrap();
    let options = Options {
        core: args.iter().map(|arg| (*arg).to_owned()).collect(),
        datadir: Some(dir.path().to_owned()),
        ..Options::default()
    };
    Config::load(options).map_err(|error| format!("{error:#}"))
}

fn error(args: &[&str], conf: &str) -> String {
    let error = load(args, conf).unwrap_err();
    assert!(!error.contains('\n'), "not one line: {error}");
    error
}

fn own() -> clap::Command {
    Options::augment_args(clap::Command::new("tipward")).subcommand(clap::Command::new("cli"))
}

fn split_words(words: &[&str]) -> (Vec<String>, Vec<String>) {
    let args = std::iter::once(&"tipward").chain(words).map(OsString::from);
    let (rest, cores) = split(args, &own());
    let text = |arg: OsString| arg.into_string().unwrap();
    (rest.into_iter().skip(1).map(text).collect(), cores)
}

#[test]
fn a_single_dash_before_a_name_is_cores_form_and_two_are_ours_unless_only_core_knows_it() {
    for (words, rest, cores) in [
        (
            &["-regtest", "--datadir", "/x", "-rpcport=1"][..],
            &["--datadir", "/x"][..],
            &["-regtest", "-rpcport=1"][..],
        ),
        (
            &["--regtest", "--listen=0", "--nolisten", "--fallbackfee=1"],
            &["--listen=0"],
            &["--regtest", "--nolisten", "--fallbackfee=1"],
        ),
        (&["--par", "-2", "-h"], &["--par", "-2", "-h"], &[]),
        (
            &["-signet", "cli", "echo", "-regtest"],
            &["cli", "echo", "-regtest"],
            &["-signet"],
        ),
        (&["-version"], &["--version"], &[]),
        (&["-?"], &["--help"], &[]),
        (&["--progres=on"], &["--progres=on"], &[]),
        (&["--chain=test"], &["--chain=test"], &[]),
    ] {
        let (got_rest, got_cores) = split_words(words);
        assert_eq!(got_rest, rest, "{words:?}");
        assert_eq!(got_cores, cores, "{words:?}");
    }
}

#[test]
fn the_arguments_of_a_harness_are_understood() {
    let config = load(
        &[
            "-regtest",
            "-rpcport=18500",
            "-listen=0",
            "-fallbackfee=0.0001",
            "-noconnect",
            "-debug=net",
            "-debug=mempool",
            "-printtoconsole=0",
            "-txindex",
            "-zmqpubrawblock=tcp://0.0.0.0:28332",
            "-par=-1",
        ],
        "",
    )
    .unwrap();
    assert_eq!(config.network, NetworkName::Regtest);
    assert_eq!(config.rpc.unwrap().bind[0].port(), 18500);
    assert!(config.peers.listen.is_empty());
    assert_eq!(config.peers.connect, Some(vec![]));
    assert!(!config.output.console);
    assert_eq!(config.zmq.len(), 1);
    assert_eq!(
        config.notices,
        [
            "Option -fallbackfee is ignored: there is no wallet",
            "-debug=mempool is ignored: nothing of that kind is logged",
            "Option -txindex is ignored: there are no indexes",
        ]
    );
}

#[test]
fn every_way_to_name_a_network_is_known_and_two_at_once_are_refused() {
    for (args, network) in [
        (&["-testnet"][..], NetworkName::Testnet3),
        (&["-testnet4"], NetworkName::Testnet4),
        (&["-signet=1"], NetworkName::Signet),
        (&["-chain=test"], NetworkName::Testnet3),
        (&["-chain=main"], NetworkName::Main),
        (&["-regtest", "-noregtest"], NetworkName::Main),
        (&["-regtest=0", "-signet"], NetworkName::Signet),
        (&["-noregtest=0"], NetworkName::Regtest),
    ] {
        assert_eq!(load(args, "").unwrap().network, network, "{args:?}");
    }
    assert_eq!(
        load(&[], "regtest=1").unwrap().network,
        NetworkName::Regtest
    );
    assert_eq!(
        load(&["-signet"], "regtest=1").unwrap().network,
        NetworkName::Signet
    );
    assert!(error(&["-signet", "-regtest"], "").contains("at most one"));
    assert!(error(&["-chain=moon"], "").contains("must be main, test"));
}

#[test]
fn the_command_line_wins_over_the_section_and_that_over_the_top() {
    let conf = "
        # a comment
        dbcache=100   # another
        dbcache=200
        maxconnections=50
        addnode=10.0.0.1
        regtest.addnode=10.0.0.2
        main.port=1

        [regtest]
        dbcache=300
        addnode=10.0.0.3
        port=2
    ";
    let cache = |config: &Config| config.sync.db_cache >> 20;
    // Of several in a file the first counts.
    let main = load(&[], conf).unwrap();
    assert_eq!((cache(&main), main.peers.listen[0].addr.port()), (100, 1));
    assert_eq!(main.peers.add_nodes, ["10.0.0.1"]);
    let regtest = load(&["-regtest"], conf).unwrap();
    assert_eq!(
        (cache(&regtest), regtest.peers.listen[0].addr.port()),
        (300, 2)
    );
    assert_eq!(regtest.peers.max_connections, 50);
    // What is for one network only does not come from the top, and lists of all places are put together.
    assert_eq!(regtest.peers.add_nodes, ["10.0.0.2", "10.0.0.3"]);
    let args = ["-regtest", "-dbcache=7", "-dbcache=8", "-addnode=10.0.0.4"];
    let line = load(&args, conf).unwrap();
    assert_eq!(cache(&line), 8);
    assert_eq!(line.peers.add_nodes, ["10.0.0.4", "10.0.0.2", "10.0.0.3"]);
    let none = load(&["-regtest", "-noaddnode"], conf).unwrap();
    assert!(none.peers.add_nodes.is_empty());
}

#[test]
fn what_core_does_not_know_is_refused_with_a_suggestion() {
    assert_eq!(
        error(&["-maxconections=5"], ""),
        "invalid parameter -maxconections=5: unknown option 'maxconections': did you mean 'maxconnections'?"
    );
    let message = error(&[], "server=1\nlisen=0");
    assert!(
        message.ends_with("bitcoin.conf: line 2: unknown option 'lisen': did you mean 'listen'?"),
        "{message}"
    );
}

#[test]
fn what_would_be_promised_and_not_kept_is_refused() {
    for (arg, words) in [
        (
            "-onlynet=onion",
            "-onlynet: the node connects to every network",
        ),
        ("-blocksdir=/x", "blocks are kept in the data directory"),
        ("-dns=0", "-dns=0: names are looked up"),
        ("-nonetworkactive", "use -connect=0"),
        ("-loadblock=f", "tipward import"),
        ("-rpcport", "-rpcport needs a value"),
        ("-rpcport=x", "invalid value 'x' for '--rpcport"),
    ] {
        assert!(error(&[arg], "").contains(words), "{}", error(&[arg], ""));
    }
    for harmless in ["-dns", "-networkactive=1", "-noonlynet", "-server=1"] {
        load(&[harmless], "").unwrap();
    }
}

#[test]
fn a_file_is_read_as_core_reads_it() {
    for (conf, words) in [
        ("-server=1", "options in a file have no dash"),
        ("server", "must be name=value, such as server=1"),
        ("conf=other", "use includeconf"),
        ("rpcpassword=a#b", "can mean two things"),
        (
            "regtest=1\nport=5",
            "'port' at the top of the configuration file is for the main network: move it into the section [regtest]",
        ),
    ] {
        let message = error(&[], conf);
        assert!(message.contains(words), "{message}");
    }
    let config = load(&[], "[moon]\nserver=0\n[main]\nserver = 1 ").unwrap();
    assert!(config.rpc.is_some());
    assert_eq!(
        config.notices,
        ["Section [moon] of the configuration file is no network's and is ignored"]
    );
}

#[test]
fn other_files_are_named_and_included() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("bitcoin.conf", "rest=1");
    write("other.conf", "includeconf=more.conf\nmaxconnections=9");
    write("more.conf", "signet=1\ndbcache=64");
    write("tipward.toml", "maxconnections = 8");
    let load = |core: &[&str], conf: Option<&str>| {
        Config::load(Options {
            core: core.iter().map(|arg| (*arg).to_owned()).collect(),
            conf: conf.map(|name| dir.path().join(name)),
            datadir: Some(dir.path().to_owned()),
            server: Some(Switch(true)),
            ..Options::default()
        })
    };
    let config = load(&["-conf=other.conf"], None).unwrap();
    assert_eq!(config.peers.max_connections, 9);
    assert_eq!(config.sync.db_cache >> 20, 64);
    assert_eq!(config.network, NetworkName::Signet);
    // Our own form reads our own file first, Core's form Core's.
    assert_eq!(load(&[], None).unwrap().peers.max_connections, 8);
    assert!(load(&["-dbcache=5"], None).unwrap().rpc.unwrap().rest);
    assert!(load(&[], Some("bitcoin.conf")).unwrap().rpc.unwrap().rest);
    let none = load(&["-noconf"], None).unwrap();
    assert!(!none.rpc.unwrap().rest);
    assert_eq!(none.peers.max_connections, 125);
    assert!(load(&["-conf=missing.conf"], None).is_err());
    assert!(load(&["-includeconf=more.conf"], None).is_err());
}

#[test]
fn rpcbind_opens_no_door_beyond_this_machine_without_rpcallowip() {
    let bound = |args: &[&str]| load(args, "").unwrap().rpc.unwrap().bind;
    let wide = "-rpcbind=0.0.0.0:5";
    assert!(bound(&[wide]).iter().all(|addr| addr.ip().is_loopback()));
    assert_eq!(
        bound(&[wide, "-rpcallowip=10.0.0.0/8"]),
        ["0.0.0.0:5".parse().unwrap()]
    );
    assert_eq!(
        bound(&["-rpcbind=127.0.0.1:0"]),
        ["127.0.0.1:0".parse().unwrap()]
    );
}
