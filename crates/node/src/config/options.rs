//! Every option of the node, once: the command line, the file and the documentation are all made from this list.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Deserializer};

use super::values::{CookiePerms, DbCache, LogFormat, NetworkName, ProgressMode, Switch};

/// Options as the user gave them, on the command line or in a file; `None` where nothing was said.
///
/// Names, in the file as on the command line, are Bitcoin Core's wherever Core has the option.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Network to use
    #[arg(
        long,
        visible_alias = "chain",
        global = true,
        value_name = "NAME",
        value_enum,
        ignore_case = true,
        help_heading = "Basics",
        hide_possible_values = true,
        help = "Network: main, testnet3, testnet4, signet or regtest [default: main]"
    )]
    #[serde(alias = "chain")]
    pub network: Option<NetworkName>,

    /// Where everything is kept, each network in a directory of its own [default: ~/.tipward]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Basics")]
    pub datadir: Option<PathBuf>,

    /// File with more options [default: <datadir>/tipward.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Basics")]
    #[serde(skip)]
    pub conf: Option<PathBuf>,

    /// Run in the background, and return at once
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Basics")]
    pub daemon: Option<Switch>,

    /// Run in the background, and return when the node is ready
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Basics")]
    pub daemonwait: Option<Switch>,

    /// What `daemon` and `daemonwait` start: said by this program to itself
    #[arg(long = "in-background", hide = true, action = clap::ArgAction::SetTrue)]
    #[serde(skip)]
    pub in_background: bool,

    /// File with the number of the process as long as the node runs, inside the network's directory unless absolute; 0 for none
    #[arg(long, value_name = "FILE", help_heading = "Basics")]
    pub pid: Option<PathBuf>,

    /// Stop once the block of this height is stored
    #[arg(long, value_name = "HEIGHT", help_heading = "Basics")]
    pub stopatheight: Option<u32>,

    /// Connect to these peers only and look for no others; 0 for none at all. Can be given several times
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Peers")]
    #[serde(deserialize_with = "one_or_many")]
    pub connect: Option<Vec<String>>,

    /// Keep a connection to this peer, beside those found. Can be given several times
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Peers")]
    #[serde(deserialize_with = "one_or_many")]
    pub addnode: Option<Vec<String>>,

    /// Ask this peer for addresses, then leave it. Can be given several times
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Peers")]
    #[serde(deserialize_with = "one_or_many")]
    pub seednode: Option<Vec<String>>,

    /// Ask the network's DNS seeds for peers when few are known [default: on, off with --connect]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Peers")]
    pub dnsseed: Option<Switch>,

    /// Fall back on addresses that come with the program [default: on]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Peers")]
    pub fixedseeds: Option<Switch>,

    /// Accept connections from others [default: on, off with --connect or --proxy]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Peers")]
    pub listen: Option<Switch>,

    /// Accept connections at this address only. Can be given several times [default: every address]
    #[arg(long, value_name = "ADDR[:PORT]", help_heading = "Peers")]
    #[serde(deserialize_with = "one_or_many")]
    pub bind: Option<Vec<String>>,

    /// Port to accept connections on [default: the network's, 8333 on main]
    #[arg(long, value_name = "PORT", help_heading = "Peers")]
    pub port: Option<u16>,

    /// Connections to keep at most, ours and theirs [default: 125]
    #[arg(long, value_name = "N", help_heading = "Peers")]
    pub maxconnections: Option<usize>,

    /// Bytes to send in a day before old blocks are held back, in MiB or with a unit (k, K, m, M, g, G, t, T); 0 for any number [default: 0]
    #[arg(long, value_name = "N[UNIT]", help_heading = "Peers")]
    #[serde(deserialize_with = "text_or_number")]
    pub maxuploadtarget: Option<String>,

    /// Permit peers of this address or subnet what others may not: noban, download; in and out for the direction [default: noban for inbound]
    #[arg(long, value_name = "[PERMISSION,...@]ADDR", help_heading = "Peers")]
    #[serde(deserialize_with = "one_or_many")]
    pub whitelist: Option<Vec<String>>,

    /// Bytes a second to read from all peers together, also with a unit (k, K, m, M, g, G); 0 for any number [default: 0]
    #[arg(long, value_name = "N[UNIT]", help_heading = "Peers")]
    #[serde(rename = "download-limit", deserialize_with = "text_or_number")]
    pub download_limit: Option<String>,

    /// Bytes a second to send to all peers together, also with a unit (k, K, m, M, g, G); 0 for any number [default: 0]
    #[arg(long, value_name = "N[UNIT]", help_heading = "Peers")]
    #[serde(rename = "upload-limit", deserialize_with = "text_or_number")]
    pub upload_limit: Option<String>,

    /// Connect to everything through this SOCKS5 proxy, names included
    #[arg(long, value_name = "IP[:PORT]", help_heading = "Peers")]
    pub proxy: Option<String>,

    /// SOCKS5 proxy for onion addresses only; 0 for none [default: --proxy]
    #[arg(long, value_name = "IP[:PORT]", help_heading = "Peers")]
    pub onion: Option<String>,

    /// New credentials for every connection through a proxy, so that Tor gives each a circuit of its own [default: on]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Peers")]
    pub proxyrandomize: Option<Switch>,

    /// DNS server to ask instead of the system's
    #[arg(long, value_name = "IP:PORT", help_heading = "Peers", hide = true)]
    pub dnsserver: Option<SocketAddr>,

    /// DNS seeds to ask instead of the network's. Can be given several times
    #[arg(long, value_name = "HOST", help_heading = "Peers", hide = true)]
    #[serde(deserialize_with = "one_or_many")]
    pub dnsseedname: Option<Vec<String>>,

    /// Threads that check blocks, and as many for scripts; 0 for one per core, negative to leave so many cores free [default: 0]
    #[arg(
        long,
        global = true,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Sync"
    )]
    pub par: Option<i32>,

    /// Memory in MiB for coins, or auto for what this machine has to spare: more makes the first sync faster [default: 450]
    #[arg(long, global = true, value_name = "MIB|auto", help_heading = "Sync")]
    pub dbcache: Option<DbCache>,

    /// Take scripts of this block and all before it for valid; 0 to check every script [default: a recent block]
    #[arg(long, global = true, value_name = "HASH|0", help_heading = "Sync")]
    pub assumevalid: Option<String>,

    /// Delete old blocks: 0 never, 1 when `pruneblockchain` says so, else to keep block files below so many MiB, at least 550 [default: 0]
    #[arg(
        long,
        global = true,
        value_name = "MIB",
        allow_negative_numbers = true,
        help_heading = "Sync"
    )]
    pub prune: Option<i64>,

    /// Small block files, so that deleting them can be tried on a short chain. Regtest only
    #[arg(long, global = true, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Sync", hide = true)]
    pub fastprune: Option<Switch>,

    /// Build everything anew from the block files: headers, index, undo data and coins. Command line only
    #[arg(long, help_heading = "Repair", action = clap::ArgAction::SetTrue)]
    #[serde(skip)]
    pub reindex: bool,

    /// Build coins and undo data anew from the blocks on disk. Command line only
    #[arg(
        long = "reindex-chainstate",
        help_heading = "Repair",
        action = clap::ArgAction::SetTrue
    )]
    #[serde(skip)]
    pub reindex_chainstate: bool,

    /// Memory in MiB for blocks on their way from peers to disk: more lets fast peers run further ahead [default: 96]
    #[arg(long, global = true, value_name = "MIB", help_heading = "Sync")]
    pub blockbuffer: Option<u32>,

    /// Blocks asked of a peer at a time [default: 16]
    #[arg(long, value_name = "N", help_heading = "Sync")]
    pub batch: Option<u32>,

    /// Work, in hex, that a chain of headers must have before it is kept [default: the network's]
    #[arg(long, global = true, value_name = "HEX", help_heading = "Sync")]
    pub minimumchainwork: Option<String>,

    /// Block challenge, in hex, of a signet of your own (BIP325)
    #[arg(long, global = true, value_name = "HEX", help_heading = "Sync")]
    pub signetchallenge: Option<String>,

    /// Activate a soft fork (segwit, bip34, dersig, cltv or csv) at this height, on regtest. Can be given several times
    #[arg(
        long,
        global = true,
        value_name = "NAME@HEIGHT",
        help_heading = "Sync",
        hide = true
    )]
    #[serde(deserialize_with = "one_or_many")]
    pub testactivationheight: Option<Vec<String>>,

    /// When blocks can signal for a deployment by version bits, on regtest. Can be given several times
    #[arg(
        long,
        global = true,
        value_name = "NAME:START:END[:MIN_HEIGHT]",
        help_heading = "Sync",
        hide = true
    )]
    #[serde(deserialize_with = "one_or_many")]
    pub vbparams: Option<Vec<String>>,

    /// Answer JSON-RPC [default: on]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "RPC")]
    pub server: Option<Switch>,

    /// Answer JSON-RPC at this address. Can be given several times [default: 127.0.0.1]
    #[arg(long, global = true, value_name = "ADDR[:PORT]", help_heading = "RPC")]
    #[serde(deserialize_with = "one_or_many")]
    pub rpcbind: Option<Vec<String>>,

    /// Let this address or subnet call JSON-RPC, besides this machine. Can be given several times
    #[arg(long, value_name = "IP[/BITS]", help_heading = "RPC")]
    #[serde(deserialize_with = "one_or_many")]
    pub rpcallowip: Option<Vec<String>>,

    /// Port for JSON-RPC [default: the network's, 8332 on main]
    #[arg(long, global = true, value_name = "PORT", help_heading = "RPC")]
    pub rpcport: Option<u16>,

    /// User name for JSON-RPC, beside the cookie file
    #[arg(long, global = true, value_name = "NAME", help_heading = "RPC")]
    pub rpcuser: Option<String>,

    /// Password for --rpcuser
    #[arg(long, global = true, value_name = "PASSWORD", help_heading = "RPC")]
    pub rpcpassword: Option<String>,

    /// Show the node at the address of JSON-RPC: the page /watch, /metrics, /health and /ready [default: on]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "RPC")]
    pub watch: Option<Switch>,

    /// User with a salted password, as Bitcoin Core's rpcauth.py prints it. Can be given several times
    #[arg(long, value_name = "NAME:SALT$HASH", help_heading = "RPC")]
    #[serde(deserialize_with = "one_or_many")]
    pub rpcauth: Option<Vec<String>>,

    /// Methods that this user may call, and no others. Can be given several times
    #[arg(long, value_name = "NAME:METHOD,...", help_heading = "RPC")]
    #[serde(deserialize_with = "one_or_many")]
    pub rpcwhitelist: Option<Vec<String>>,

    /// Users that no --rpcwhitelist names may call nothing [default: on with --rpcwhitelist, else off]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "RPC")]
    pub rpcwhitelistdefault: Option<Switch>,

    /// Who may read the cookie file, and by that call: owner, group or all [default: owner]
    #[arg(
        long,
        value_name = "WHO",
        value_enum,
        hide_possible_values = true,
        help_heading = "RPC"
    )]
    pub rpccookieperms: Option<CookiePerms>,

    /// Where the cookie file is, inside the network's directory unless absolute; 0 for none [default: .cookie]
    #[arg(long, global = true, value_name = "FILE", help_heading = "RPC")]
    pub rpccookiefile: Option<PathBuf>,

    /// Serve blocks and headers by REST too, without a login, to whoever may reach the port [default: off]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "RPC")]
    pub rest: Option<Switch>,

    /// Publish the hash of each new tip by ZMQ. Can be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "ZMQ")]
    #[serde(deserialize_with = "one_or_many")]
    pub zmqpubhashblock: Option<Vec<String>>,

    /// Publish the hash of each transaction of each block that comes or goes by ZMQ. Can be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "ZMQ")]
    #[serde(deserialize_with = "one_or_many")]
    pub zmqpubhashtx: Option<Vec<String>>,

    /// Publish each new tip by ZMQ. Can be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "ZMQ")]
    #[serde(deserialize_with = "one_or_many")]
    pub zmqpubrawblock: Option<Vec<String>>,

    /// Publish each transaction of each block that comes or goes by ZMQ. Can be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "ZMQ")]
    #[serde(deserialize_with = "one_or_many")]
    pub zmqpubrawtx: Option<Vec<String>>,

    /// Publish each block that comes (C) or goes (D) by ZMQ. Can be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "ZMQ")]
    #[serde(deserialize_with = "one_or_many")]
    pub zmqpubsequence: Option<Vec<String>>,

    /// Messages of --zmqpubhashblock that may wait for a subscriber [default: 1000]
    #[arg(long, value_name = "N", help_heading = "ZMQ")]
    pub zmqpubhashblockhwm: Option<u32>,

    /// Messages of --zmqpubhashtx that may wait for a subscriber [default: 1000]
    #[arg(long, value_name = "N", help_heading = "ZMQ")]
    pub zmqpubhashtxhwm: Option<u32>,

    /// Messages of --zmqpubrawblock that may wait for a subscriber [default: 1000]
    #[arg(long, value_name = "N", help_heading = "ZMQ")]
    pub zmqpubrawblockhwm: Option<u32>,

    /// Messages of --zmqpubrawtx that may wait for a subscriber [default: 1000]
    #[arg(long, value_name = "N", help_heading = "ZMQ")]
    pub zmqpubrawtxhwm: Option<u32>,

    /// Messages of --zmqpubsequence that may wait for a subscriber [default: 1000]
    #[arg(long, value_name = "N", help_heading = "ZMQ")]
    pub zmqpubsequencehwm: Option<u32>,

    /// Log lines on standard output [default: on]
    #[arg(long, global = true, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", help_heading = "Output")]
    pub printtoconsole: Option<Switch>,

    /// Log file, inside the network's directory unless absolute; 0 for none [default: debug.log]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub debuglogfile: Option<String>,

    /// Log more of: net, headers, blocks, store, rpc, validation, or all. Can be given several times
    #[arg(long, global = true, value_name = "WHAT", num_args = 0..=1, default_missing_value = "all", help_heading = "Output")]
    #[serde(deserialize_with = "one_or_many")]
    pub debug: Option<Vec<String>>,

    /// How much to log, off to trace, of all or of one target. Can be given several times [default: info]
    #[arg(
        long,
        global = true,
        value_name = "[TARGET:]LEVEL",
        help_heading = "Output"
    )]
    #[serde(deserialize_with = "one_or_many")]
    pub loglevel: Option<Vec<String>>,

    /// Log lines as text or as json, an object a line [default: text]
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub logformat: Option<LogFormat>,

    /// Progress bars: auto (on a terminal), on or off [default: auto]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub progress: Option<ProgressMode>,

    /// Arguments in Bitcoin Core's form
    #[arg(skip)]
    #[serde(skip)]
    pub core: Vec<String>,

    /// What was asked for in that form and is not done
    #[arg(skip)]
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// An amount in the file may be a number.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number, or a string with a unit")]
    enum Written {
        Number(u64),
        Text(String),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    }))
}

/// A list in the file may also be written as a single string.
fn one_or_many<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
        // `connect = 0`, as one may write it after the command line's `--connect 0`.
        Number(u64),
    }
    Ok(Some(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
        OneOrMany::Number(n) => vec![n.to_string()],
    }))
}

/// Takes every field from `$over` where it is set, else from `$under`. Both struct patterns are exhaustive, so a new
/// option cannot be forgotten here.
macro_rules! layer {
    ($over:expr, $under:expr; $($field:ident)*) => {{
        // What no file of ours can have: both sides count.
        let Options { $($field,)* in_background, reindex, reindex_chainstate, core, mut notices } = $over;
        let under: Options = $under;
        notices.extend(under.notices);
        Options {
            $($field: $field.or(under.$field),)*
            in_background: in_background || under.in_background,
            reindex: reindex || under.reindex,
            reindex_chainstate: reindex_chainstate || under.reindex_chainstate,
            core,
            notices,
        }
    }};
}

impl Options {
    /// These options, and those of `under` where these say nothing. A list replaces a list.
    pub fn over(self, under: Options) -> Options {
        layer!(self, under;
            network datadir conf daemon daemonwait pid stopatheight connect addnode seednode dnsseed fixedseeds listen bind port
            maxconnections maxuploadtarget whitelist download_limit upload_limit proxy onion proxyrandomize dnsserver dnsseedname par dbcache assumevalid prune fastprune blockbuffer batch minimumchainwork
            signetchallenge
            testactivationheight vbparams server rpcbind rpcallowip rpcport rpcuser rpcpassword watch rpcauth rpcwhitelist
            rpcwhitelistdefault rpccookieperms rpccookiefile rest zmqpubhashblock zmqpubhashtx zmqpubrawblock zmqpubrawtx zmqpubsequence
            zmqpubhashblockhwm zmqpubhashtxhwm zmqpubrawblockhwm zmqpubrawtxhwm zmqpubsequencehwm printtoconsole debuglogfile debug loglevel logformat progress)
    }
}
