//! Every option of Bitcoin Core, and what becomes of it here.

/// What an option means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is looked at elsewhere: which network, which files.
    Special,
    /// The same as our own of that name.
    Ours,
    /// Nothing, because of this.
    Nothing(&'static str),
    /// To go on as if it were not there would break what it promises; what to do instead.
    Refused(&'static str),
    /// So it is only if it is turned off.
    RefusedOff(&'static str),
}

use Meaning::{Nothing, Ours, Refused, RefusedOff, Special};

const NO_WALLET: Meaning = Nothing("there is no wallet");
const NO_MEMPOOL: Meaning = Nothing("there is no memory pool");
const NO_MINING: Meaning = Nothing("no block templates are made");
const NO_INDEX: Meaning = Nothing("there are no indexes");
const NO_COMMANDS: Meaning = Nothing("no commands are run");
const NOT_OFFERED: Meaning = Nothing("it is not offered");
const OTHERWISE: Meaning = Nothing("it is done otherwise here");
const LOG_LINES: Meaning = Nothing("log lines have a form of their own");

/// In groups, as Core's help has them.
const OPTIONS: &[(Meaning, &[&str])] = &[
    (
        Special,
        &[
            "chain",
            "conf",
            "datadir",
            "help",
            "help-debug",
            "includeconf",
            "regtest",
            "signet",
            "test",
            "testnet",
            "testnet4",
            "version",
        ],
    ),
    (
        Ours,
        &[
            "addnode",
            "assumevalid",
            "bind",
            "connect",
            "daemon",
            "daemonwait",
            "dbcache",
            "debug",
            "debuglogfile",
            "dnsseed",
            "fastprune",
            "fixedseeds",
            "listen",
            "loglevel",
            "maxconnections",
            "maxuploadtarget",
            "minimumchainwork",
            "onion",
            "par",
            "pid",
            "port",
            "printtoconsole",
            "proxy",
            "proxyrandomize",
            "prune",
            "reindex",
            "reindex-chainstate",
            "rest",
            "rpcallowip",
            "rpcauth",
            "rpcbind",
            "rpccookiefile",
            "rpccookieperms",
            "rpcpassword",
            "rpcport",
            "rpcuser",
            "rpcwhitelist",
            "rpcwhitelistdefault",
            "seednode",
            "server",
            "signetchallenge",
            "stopatheight",
            "testactivationheight",
            "vbparams",
            "whitelist",
            "zmqpubhashblock",
            "zmqpubhashblockhwm",
            "zmqpubhashtx",
            "zmqpubhashtxhwm",
            "zmqpubrawblock",
            "zmqpubrawblockhwm",
            "zmqpubrawtx",
            "zmqpubrawtxhwm",
            "zmqpubsequence",
            "zmqpubsequencehwm",
        ],
    ),
    (
        NO_WALLET,
        &[
            "addresstype",
            "avoidpartialspends",
            "changetype",
            "consolidatefeerate",
            "disablewallet",
            "discardfee",
            "fallbackfee",
            "keypool",
            "maxapsfee",
            "maxtxfee",
            "mintxfee",
            "paytxfee",
            "signer",
            "spendzeroconfchange",
            "txconfirmtarget",
            "unsafesqlitesync",
            "wallet",
            "walletbroadcast",
            "walletcrosschain",
            "walletdir",
            "walletnotify",
            "walletrbf",
            "walletrejectlongchains",
        ],
    ),
    (
        NO_MEMPOOL,
        &[
            "acceptnonstdtxn",
            "acceptstalefeeestimates",
            "blocksonly",
            "bytespersigop",
            "checkmempool",
            "datacarrier",
            "datacarriersize",
            "dustrelayfee",
            "incrementalrelayfee",
            "limitancestorcount",
            "limitancestorsize",
            "limitclustercount",
            "limitclustersize",
            "limitdescendantcount",
            "limitdescendantsize",
            "maxmempool",
            "mempoolexpiry",
            "mempoolfullrbf",
            "minrelaytxfee",
            "permitbaremultisig",
            "persistmempool",
            "persistmempoolv1",
            "privatebroadcast",
            "txreconciliation",
            "whitelistforcerelay",
            "whitelistrelay",
        ],
    ),
    (
        NO_MINING,
        &[
            "blockmaxweight",
            "blockmintxfee",
            "blockreservedweight",
            "blockversion",
            "printpriority",
        ],
    ),
    (
        NO_INDEX,
        &[
            "blockfilterindex",
            "coinstatsindex",
            "peerblockfilters",
            "txindex",
            "txospenderindex",
        ],
    ),
    (
        NO_COMMANDS,
        &[
            "alertnotify",
            "blocknotify",
            "shutdownnotify",
            "startupnotify",
        ],
    ),
    (
        LOG_LINES,
        &[
            "debugexclude",
            "logips",
            "loglevelalways",
            "logratelimit",
            "logsourcelocations",
            "logthreadnames",
            "logtimemicros",
            "logtimestamps",
            "shrinkdebugfile",
        ],
    ),
    (
        NOT_OFFERED,
        &[
            "asmap",
            "bantime",
            "capturemessages",
            "cjdnsreachable",
            "deprecatedrpc",
            "discover",
            "externalip",
            "forcednsseed",
            "i2pacceptincoming",
            "i2psam",
            "ipcbind",
            "listenonion",
            "mocktime",
            "natpmp",
            "peerbloomfilters",
            "rpcdoccheck",
            "settings",
            "signetseednode",
            "stopafterblockimport",
            "torcontrol",
            "torpassword",
            "uacomment",
            "upnp",
            "v2transport",
            "whitebind",
        ],
    ),
    (
        OTHERWISE,
        &[
            "allowignoredconf",
            "blockreconstructionextratxn",
            "blocksxor",
            "checkaddrman",
            "checkblockindex",
            "checkblocks",
            "checklevel",
            "checkpoints",
            "choosedatadir",
            "dbbatchsize",
            "dbcrashratio",
            "forcecompactdb",
            "lang",
            "maxreceivebuffer",
            "maxsendbuffer",
            "maxsigcachesize",
            "maxtipage",
            "min",
            "peertimeout",
            "prevoutfetchthreads",
            "resetguisettings",
            "rpcservertimeout",
            "rpcthreads",
            "rpcworkqueue",
            "splash",
            "timeout",
            "uiplatform",
        ],
    ),
    (
        Refused(
            "the node connects to every network that it can: name peers by -connect, or use -proxy",
        ),
        &["onlynet"],
    ),
    (
        Refused("blocks are kept in the data directory: name another by -datadir"),
        &["blocksdir"],
    ),
    (
        Refused("blocks are taken from a file by `tipward import`"),
        &["loadblock"],
    ),
    (
        RefusedOff("names are looked up: use -proxy, which does that, or -connect with addresses"),
        &["dns"],
    ),
    (
        RefusedOff("the node begins to connect when it starts: use -connect=0"),
        &["networkactive"],
    ),
];

fn all() -> impl Iterator<Item = (&'static str, Meaning)> {
    let with_meaning = |(meaning, names): &(Meaning, &'static [&'static str])| {
        let meaning = *meaning;
        names.iter().map(move |name| (*name, meaning))
    };
    OPTIONS.iter().flat_map(with_meaning)
}

/// The option's name, if Core knows it.
pub(super) fn find(name: &str) -> Option<&'static str> {
    all().map(|(known, _)| known).find(|known| *known == name)
}

/// What it means.
pub(super) fn meaning(name: &str) -> Meaning {
    all()
        .find(|(known, _)| *known == name)
        .map_or(NOT_OFFERED, |(_, meaning)| meaning)
}

/// What may have been meant.
pub(super) fn suggestion(name: &str) -> String {
    all()
        .map(|(known, _)| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| format!(": did you mean '{known}'?"))
        .unwrap_or_default()
}
