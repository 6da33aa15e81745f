use clap::{Args as _, FromArgMatches as _};
use tipward_p2p::permissions::Permitted;

use super::network::parse_work;
use super::*;

fn command_line(args: &[&str]) -> Options {
    let command = Options::augment_args(clap::Command::new("tipward"));
    let args = std::iter::once("tipward").chain(args.iter().copied());
    let matches = command.try_get_matches_from(args).unwrap();
    Options::from_arg_matches(&matches).unwrap()
}

/// What the command line and a file make together, or the error as the user sees it.
fn config(args: &[&str], file: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tipward.toml"), file).unwrap();
    let mut options = command_line(args);
    options.datadir = Some(dir.path().to_owned());
    Config::load(options).map_err(|error| format!("{error:#}"))
}

fn error(args: &[&str], file: &str) -> String {
    let error = config(args, file).unwrap_err();
    assert!(!error.contains('\n'), "not one line: {error}");
    error
}

#[test]
fn defaults_are_those_of_a_full_node_on_main() {
    let config = config(&[], "").unwrap();
    assert_eq!(config.network, NetworkName::Main);
    assert!(config.netdir.ends_with("main"));
    assert!(config.peers.connect.is_none());
    assert!(config.peers.dns_seed && config.peers.fixed_seeds);
    assert_eq!(config.peers.max_connections, 125);
    assert_eq!(config.peers.listen[0].addr, "0.0.0.0:8333".parse().unwrap());
    assert_eq!(
        config.rpc.unwrap().bind,
        ["127.0.0.1:8332".parse().unwrap()]
    );
    assert_eq!(config.sync.batch, 16);
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_defaults() {
    let file = "maxconnections = 7\nbatch = 3\naddnode = [\"10.0.0.1\", \"10.0.0.2\"]";
    let config = config(&["--batch", "4", "--addnode", "10.0.0.3"], file).unwrap();
    assert_eq!(config.peers.max_connections, 7);
    assert_eq!(config.sync.batch, 4);
    assert_eq!(config.peers.add_nodes, ["10.0.0.3"]);
}

#[test]
fn a_networks_table_holds_on_that_network_only() {
    let file = "port = 1000\n[signet]\nport = 2000\n[regtest]\nport = 3000";
    let port = |network: &str| {
        config(&["--network", network], file).unwrap().peers.listen[0]
            .addr
            .port()
    };
    assert_eq!(port("signet"), 2000);
    assert_eq!(port("regtest"), 3000);
    assert_eq!(port("testnet4"), 1000);
}

#[test]
fn the_file_may_choose_the_network_and_knows_cores_names() {
    let config = config(&[], "chain = \"test\"").unwrap();
    assert_eq!(config.network, NetworkName::Testnet3);
    assert!(config.netdir.ends_with("testnet3"));
}

#[test]
fn unknown_keys_are_refused_by_name_with_a_suggestion() {
    let error = error(&[], "maxconection = 3");
    assert!(error.contains("unknown option 'maxconection'"), "{error}");
    assert!(error.contains("did you mean 'maxconnections'?"), "{error}");
    assert!(error.contains("tipward.toml"), "{error}");
    let error = self::error(&[], "[regtest]\nfoo = 1");
    assert!(
        error.contains("in [regtest]: unknown option 'foo'"),
        "{error}"
    );
}

#[test]
fn a_value_of_the_wrong_kind_names_its_key() {
    let error = error(&[], "port = \"many\"");
    assert!(error.contains("port"), "{error}");
    let error = self::error(&[], "listen = \"perhaps\"");
    assert!(
        error.contains("listen") && error.contains("perhaps"),
        "{error}"
    );
    let error = self::error(&[], "port = = 3");
    assert!(error.contains("line 1"), "{error}");
}

#[test]
fn switches_are_written_as_words_numbers_or_booleans() {
    for text in ["false", "0", "\"off\"", "\"no\""] {
        let config = config(&[], &format!("dnsseed = {text}")).unwrap();
        assert!(!config.peers.dns_seed, "{text}");
    }
    assert!(!config(&["--dnsseed", "off"], "").unwrap().peers.dns_seed);
    assert!(
        config(&["--dnsseed"], "dnsseed = false")
            .unwrap()
            .peers
            .dns_seed
    );
}

#[test]
fn named_peers_only_means_no_dns_and_no_listener() {
    let config = config(
        &["--connect", "127.0.0.1:1", "--connect", "node.example"],
        "",
    )
    .unwrap();
    assert_eq!(
        config.peers.connect.unwrap(),
        ["127.0.0.1:1", "node.example"]
    );
    assert!(!config.peers.dns_seed);
    assert!(config.peers.listen.is_empty());
}

#[test]
fn connect_0_means_nobody() {
    assert_eq!(
        config(&["--connect", "0"], "").unwrap().peers.connect,
        Some(Vec::new())
    );
    assert_eq!(
        config(&[], "connect = 0").unwrap().peers.connect,
        Some(Vec::new())
    );
    assert!(error(&["--connect", "0", "--connect", "a"], "").contains("--connect 0"));
}

#[test]
fn a_bound_address_is_listened_on_even_with_connect() {
    let config = config(
        &[
            "--connect",
            "0",
            "--bind",
            "127.0.0.1:7777",
            "--bind",
            "[::1]",
        ],
        "",
    )
    .unwrap();
    let addrs: Vec<_> = config
        .peers
        .listen
        .iter()
        .map(|l| l.addr.to_string())
        .collect();
    assert_eq!(addrs, ["127.0.0.1:7777", "[::1]:8333"]);
}

#[test]
fn a_proxy_serves_onion_addresses_too_unless_told_otherwise() {
    let both = config(&["--proxy", "127.0.0.1"], "").unwrap().peers;
    assert_eq!(both.proxy, Some("127.0.0.1:9050".parse().unwrap()));
    assert_eq!(both.onion_proxy, both.proxy);
    assert!(both.listen.is_empty());
    let none = config(&["--proxy", "127.0.0.1", "--onion", "0"], "")
        .unwrap()
        .peers;
    assert_eq!(none.onion_proxy, None);
    let own = config(&["--onion", "127.0.0.1:9150"], "").unwrap().peers;
    assert_eq!((own.proxy, own.onion_proxy.unwrap().port()), (None, 9150));
}

#[test]
fn bad_values_are_explained() {
    for (args, words) in [
        (
            &["--bind", "localhost"] as &[&str],
            "--bind: 'localhost' is no IP address",
        ),
        (&["--connect", "a b"], "--connect: 'a b' is no host"),
        (&["--addnode", "host:0"], "--addnode: 'host:0' is no host"),
        (
            &["--blockbuffer", "1"],
            "--blockbuffer must be at least 16 MiB, not 1",
        ),
        (&["--batch", "0"], "--batch must be between 1 and 1000"),
        (
            &["--debug", "everything"],
            "--debug everything: must be one of",
        ),
        (
            &["--rpcuser", "me"],
            "--rpcuser and --rpcpassword go together",
        ),
        (
            &["--rpcauth", "me:secret"],
            "--rpcauth: must be NAME:SALT$HASH",
        ),
        (
            &["--minimumchainwork", "xyz"],
            "--minimumchainwork must be up to 64 hex digits",
        ),
        (
            &["--signetchallenge", "51"],
            "--signetchallenge needs --network signet",
        ),
        (
            &["--listen", "off", "--bind", "127.0.0.1"],
            "--bind cannot be used with --listen off",
        ),
    ] {
        let error = error(args, "");
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_signet_of_ones_own_has_its_own_magic_and_directory() {
    let config = config(&["--network", "signet", "--signetchallenge", "51"], "").unwrap();
    assert_ne!(
        config.params.magic,
        Params::new(tipward_primitives::Network::Signet).magic
    );
    let name = config
        .netdir
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert!(name.starts_with("signet_") && name.len() == 15, "{name}");
}

#[test]
fn work_is_read_from_hex_of_any_length() {
    assert_eq!(parse_work("0x01"), parse_work("1"));
    assert_eq!(
        parse_work("100").unwrap(),
        tipward_primitives::Work::from_be_bytes({
            let mut bytes = [0; 32];
            bytes[30] = 1;
            bytes
        })
    );
    assert_eq!(parse_work(""), None);
    assert_eq!(parse_work(&"f".repeat(65)), None);
}

#[test]
fn hosts_and_ports_are_told_apart() {
    assert_eq!(split_host_port("a.example"), Some(("a.example", None)));
    assert_eq!(split_host_port("a.example:1"), Some(("a.example", Some(1))));
    assert_eq!(split_host_port("::1"), Some(("::1", None)));
    assert_eq!(split_host_port("[::1]:5"), Some(("::1", Some(5))));
    assert_eq!(split_host_port("[::1]"), Some(("::1", None)));
    for bad in [
        "", ":1", "a:b", "a:70000", "[::1", "[::1]5", "[a]:1", "a:1:2",
    ] {
        assert_eq!(split_host_port(bad), None, "{bad}");
    }
}

#[test]
fn negative_par_leaves_cores_free_but_never_all() {
    assert_eq!(
        config(&["--par", "-1000"], "").unwrap().sync.threads.get(),
        1
    );
    assert_eq!(config(&["--par", "3"], "").unwrap().sync.threads.get(), 3);
}

#[test]
fn the_client_finds_the_node_of_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("tipward.toml"),
        "network = \"regtest\"\nrpcbind = \"0.0.0.0:7000\"",
    )
    .unwrap();
    let mut options = command_line(&[]);
    options.datadir = Some(dir.path().to_owned());
    let client = ClientConfig::load(options).unwrap();
    assert_eq!(client.addr, "127.0.0.1:7000".parse().unwrap());
    let cookie = dir.path().join("regtest/.cookie");
    assert_eq!(client.cookie_file, Some(cookie));
}

#[test]
fn every_script_is_checked_after_assumevalid_zero_and_a_hash_is_taken_as_it_is() {
    let assumed = |args: &[&str]| config(args, "").map(|config| config.sync.assume_valid);
    assert_eq!(
        assumed(&[]).unwrap(),
        Params::new(bitcoin::Network::Bitcoin).assume_valid
    );
    assert_eq!(
        assumed(&["--assumevalid", "0"]).unwrap(),
        BlockHash::all_zeros()
    );
    let hash = "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048";
    assert_eq!(assumed(&["--assumevalid", hash]).unwrap().to_string(), hash);
    let error = error(&["--assumevalid", "12ab"], "");
    assert!(
        error.contains("64 hex digits") && error.contains("12ab"),
        "{error}"
    );
}

#[test]
fn memory_for_coins_has_a_least_size() {
    assert_eq!(config(&[], "").unwrap().sync.db_cache, 450 << 20);
    assert_eq!(config(&[], "dbcache = 4").unwrap().sync.db_cache, 4 << 20);
    let error = error(&["--dbcache", "3"], "");
    assert!(error.contains("at least 4 MiB"), "{error}");
}

#[test]
fn repairs_are_asked_for_on_the_command_line_alone() {
    let reindex = |args: &[&str]| config(args, "").unwrap().sync.reindex;
    assert_eq!(reindex(&[]), None);
    assert_eq!(
        reindex(&["--reindex-chainstate"]),
        Some(Reindex::ChainState)
    );
    assert_eq!(
        reindex(&["--reindex", "--reindex-chainstate"]),
        Some(Reindex::All)
    );
    let error = error(&[], "reindex = true");
    assert!(error.contains("unknown option 'reindex'"), "{error}");
}

#[test]
fn soft_forks_can_be_moved_on_regtest_alone() {
    let args = ["--network", "regtest", "--testactivationheight"];
    let moved = config(&[&args[..], &["segwit@120"]].concat(), "").unwrap();
    assert_eq!(moved.params.segwit_height, 120);
    let error = error(&[&args[..], &["taproot@5"]].concat(), "");
    assert!(
        error.contains("--testactivationheight") && error.contains("taproot"),
        "{error}"
    );
    let error = self::error(&["--testactivationheight", "csv@5"], "");
    assert!(error.contains("needs --network regtest"), "{error}");
    let error = self::error(&["--network", "regtest", "--vbparams", "testdummy:x:0"], "");
    assert!(error.contains("--vbparams"), "{error}");
}

#[test]
fn who_may_call_what_can_be_said() {
    const ALICE: &str =
        "alice:f7ef$29f6b98eb2593ddbd093718174a19b97b2fae0d51e59fcbe57ca7c8be8145f67";
    let rpc = |args: &[&str], file: &str| config(args, file).unwrap().rpc.unwrap();
    let default = rpc(&[], "");
    assert!(!default.rest && default.salted_logins.is_empty());
    assert_eq!(default.cookie_readers, CookieReaders::Owner);
    let file = format!(
        "rpcauth = \"{ALICE}\"\nrpcwhitelist = [\"alice:uptime\", \"bob\"]\nrpcwhitelistdefault = false\n\
         rpccookieperms = \"group\"\nrest = true"
    );
    let said = rpc(
        &["--rpcwhitelist", "alice:uptime,stop", "--rest", "off"],
        &file,
    );
    assert!(!said.rest);
    assert_eq!(said.salted_logins[0].user(), "alice");
    assert_eq!(said.cookie_readers, CookieReaders::Group);
    assert_eq!(
        said.whitelist,
        Whitelist::new(["alice:uptime,stop"], Some(false))
    );
}

#[test]
fn what_is_published_by_zmq_comes_in_cores_order_each_with_its_own_mark() {
    let file = r#"
        zmqpubsequence = "tcp://127.0.0.1:2"
        zmqpubhashblock = ["tcp://127.0.0.1:2", "ipc:///tmp/blocks"]
        zmqpubsequencehwm = 5
    "#;
    let config = config(&[], file).unwrap();
    let outlets: Vec<_> = config
        .zmq
        .iter()
        .map(|outlet| {
            let place = outlet.endpoint.to_string();
            (outlet.topic.name(), place, outlet.high_water_mark)
        })
        .collect();
    assert_eq!(
        outlets,
        [
            ("hashblock", "tcp://127.0.0.1:2".to_owned(), 1000),
            ("hashblock", "ipc:///tmp/blocks".to_owned(), 1000),
            ("sequence", "tcp://127.0.0.1:2".to_owned(), 5),
        ]
    );
    let message = error(&["--zmqpubrawtx", "127.0.0.1:2"], "");
    assert!(
        message.starts_with("--zmqpubrawtx: '127.0.0.1:2': must be tcp://ADDRESS:PORT"),
        "{message}"
    );
}

#[test]
fn limits_of_bytes_a_second_take_units() {
    let limits = |args: &[&str], file: &str| {
        let peers = config(args, file).unwrap().peers;
        (peers.download_limit, peers.upload_limit)
    };
    assert_eq!(limits(&[], ""), (0, 0));
    assert_eq!(limits(&["--download-limit", "5000"], ""), (5000, 0));
    assert_eq!(limits(&["--upload-limit", "2m"], ""), (0, 2_000_000));
    assert_eq!(limits(&[], "upload-limit = \"1K\""), (0, 1024));
    let error = error(&["--download-limit", "fast"], "");
    assert!(error.contains("--download-limit: 'fast'"), "{error}");
}

#[test]
fn what_may_be_sent_in_a_day_is_given_with_cores_units() {
    let target = |args: &[&str], file: &str| config(args, file).unwrap().peers.upload_target;
    assert_eq!(target(&[], ""), 0);
    assert_eq!(target(&["--maxuploadtarget", "500"], ""), 500 << 20);
    assert_eq!(target(&["--maxuploadtarget", "5g"], ""), 5_000_000_000);
    assert_eq!(target(&["--maxuploadtarget", "5G"], ""), 5 << 30);
    assert_eq!(target(&[], "maxuploadtarget = 3"), 3 << 20);
    assert_eq!(target(&[], "maxuploadtarget = \"3k\""), 3000);
    for wrong in ["", "x", "5x", "-1", "99999999999T"] {
        let error = error(&[&format!("--maxuploadtarget={wrong}")], "");
        assert!(error.contains("maxuploadtarget"), "{error}");
    }
}

#[test]
fn what_certain_peers_may_do_is_said_as_to_core() {
    let entries = |args: &[&str], file: &str| config(args, file).unwrap().peers.whitelist;
    assert!(entries(&[], "").is_empty());
    let two = ["noban@10.0.0.0/8", "in,out,download@::1"];
    let expected: Vec<Permitted> = two.iter().map(|entry| entry.parse().unwrap()).collect();
    let args = ["--whitelist", two[0], "--whitelist", two[1]];
    assert_eq!(entries(&args, ""), expected);
    assert_eq!(entries(&[], &format!("whitelist = {two:?}")), expected);
    let wrong = error(&["--whitelist", "relay@10.0.0.1"], "");
    assert!(
        wrong.contains("--whitelist: 'relay@10.0.0.1'") && wrong.contains("no memory pool"),
        "{wrong}"
    );
}
