//! What the node shall do: command line over file over defaults, checked once, before anything is opened.

pub(crate) mod core;
mod file;
mod logs;
pub(crate) mod memory;
mod network;
mod options;
mod prune;
mod values;
mod zmq;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use tipward_p2p::permissions::Permitted;
use tipward_primitives::{Height, Params};
use tipward_rpc::{Cookie, CookieReaders, SaltedLogin, Subnet, Whitelist};
use tipward_store::Reindex;
use tipward_validation::Prune;

use file::ConfigFile;
pub use logs::LogLevels;
pub(crate) use network::params;
pub use options::Options;
pub use values::{CookiePerms, DbCache, LogFormat, NetworkName, ProgressMode, Switch};
pub use zmq::{ZmqOutlet, ZmqTopic};

/// Connections that a node keeps at most unless told otherwise, as in Core.
const DEFAULT_MAX_CONNECTIONS: usize = 125;
/// MiB of blocks between `getdata` and disk: at 4 MB a block enough to keep eight fast peers busy, and a third of the
/// memory that the node is allowed in all.
const DEFAULT_BLOCK_BUFFER_MIB: u32 = 96;
/// A block of the greatest size must fit several times, or a single one would stop the download.
const MIN_BLOCK_BUFFER_MIB: u32 = 16;
/// Blocks of one `getdata`.
const DEFAULT_BATCH: u32 = 16;
/// As many as Core answers in one go.
const MAX_BATCH: u32 = 1000;
/// More check threads than this only wait for the writer.
const MAX_THREADS: usize = 64;
/// Port of a SOCKS5 proxy: Tor's.
const DEFAULT_PROXY_PORT: u16 = 9050;

/// Everything that was decided before the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network, by the name of its directory.
    pub network: NetworkName,
    /// Its parameters.
    pub params: Params,
    /// Directory of this network's data.
    pub netdir: PathBuf,
    /// Whether to run in the background.
    pub daemon: Daemon,
    /// File for the number of the process.
    pub pid_file: Option<PathBuf>,
    /// Stop when the block of this height is stored.
    pub stop_at_height: Option<Height>,
    /// How to find and accept peers.
    pub peers: PeersConfig,
    /// How to download and check.
    pub sync: SyncConfig,
    /// How to answer JSON-RPC; `None` not at all.
    pub rpc: Option<RpcConfig>,
    /// What to publish by ZMQ.
    pub zmq: Vec<ZmqOutlet>,
    /// What to tell the user, and where.
    pub output: OutputConfig,
    /// What was asked for and is not done, to be said at the start.
    pub notices: Vec<String>,
}

/// Where a process is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Here.
    No,
    /// In the background.
    Start {
        /// Whoever starts it wants to know whether it comes to run.
        wait: bool,
    },
    /// In the background, where it is already.
    Running,
}

/// How to find and accept peers.
#[derive(Clone, Debug)]
pub struct PeersConfig {
    /// `Some` means these and nobody else; the list may be empty.
    pub connect: Option<Vec<String>>,
    /// Peers to stay connected to.
    pub add_nodes: Vec<String>,
    /// Peers to ask for addresses.
    pub seed_nodes: Vec<String>,
    /// Ask the DNS seeds.
    pub dns_seed: bool,
    /// Fall back on the addresses that come with the program.
    pub fixed_seeds: bool,
    /// Where to accept connections; empty means nowhere.
    pub listen: Vec<Listen>,
    /// Connections at most.
    pub max_connections: usize,
    /// Bytes to send in a day before old blocks are held back; 0 for no limit.
    pub upload_target: u64,
    /// What certain peers may do.
    pub whitelist: Vec<Permitted>,
    /// Bytes a second to read from all peers together; 0 for no limit.
    pub download_limit: u64,
    /// Bytes a second to send to all peers together; 0 for no limit.
    pub upload_limit: u64,
    /// Proxy for everything.
    pub proxy: Option<SocketAddr>,
    /// Proxy for onion addresses.
    pub onion_proxy: Option<SocketAddr>,
    /// Credentials of its own for every connection through a proxy.
    pub proxy_randomize: bool,
    /// DNS server to ask; `None` means the system's.
    pub dns_server: Option<SocketAddr>,
}

/// One address to accept connections at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub addr: SocketAddr,
    /// The node does not start if it cannot have this one.
    pub required: bool,
}

/// How to download and check.
#[derive(Clone, Copy, Debug)]
pub struct SyncConfig {
    /// Threads that check blocks, and as many for scripts.
    pub threads: NonZeroUsize,
    /// Bytes of coins in memory, what waits to be written included.
    pub db_cache: usize,
    /// Scripts of this block and its ancestors are taken for valid; all zero for none.
    pub assume_valid: BlockHash,
    /// How old blocks are deleted; `None`: never.
    pub prune: Option<Prune>,
    /// What to build anew before the start.
    pub reindex: Option<Reindex>,
    /// Bytes of blocks between `getdata` and disk.
    pub block_buffer: usize,
    /// Blocks of one `getdata`.
    pub batch: usize,
}

/// How to answer JSON-RPC.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Addresses to answer at.
    pub bind: Vec<SocketAddr>,
    /// Networks that may call, besides this machine.
    pub allow: Vec<Subnet>,
    /// User and password, beside the cookie.
    pub credentials: Option<(String, String)>,
    /// Users with salted passwords.
    pub salted_logins: Vec<SaltedLogin>,
    /// What each user may call.
    pub whitelist: Whitelist,
    /// The cookie file; `None` for none.
    pub cookie_file: Option<PathBuf>,
    /// Who may read it.
    pub cookie_readers: CookieReaders,
    /// Serve REST, too.
    pub rest: bool,
    /// Serve the page, the metrics and the health at the same addresses.
    pub watch: bool,
}

/// What to tell the user, and where.
#[derive(Clone, Debug)]
pub struct OutputConfig {
    /// Log lines on standard output.
    pub console: bool,
    /// Log file.
    pub log_file: Option<PathBuf>,
    /// How much of what is logged.
    pub levels: LogLevels,
    /// How log lines look.
    pub format: LogFormat,
    /// Progress bars.
    pub progress: ProgressMode,
}

impl Config {
    /// Reads the file that the command line names (or the default one), lays the command line over it and checks all.
    pub fn load(command_line: Options) -> anyhow::Result<Self> {
        let (network, options, datadir) = with_file(command_line)?;
        Self::resolve(network, options, &datadir)
    }

    fn resolve(network: NetworkName, options: Options, datadir: &Path) -> anyhow::Result<Self> {
        // The file, too, may say where the data is; the file itself was found by then.
        let datadir = options.datadir.clone().unwrap_or(datadir.to_owned());
        let params = params(network, &options)?;
        let netdir = datadir.join(tipward_store::layout::network_dir_name(&params));
        let peers = peers(&options, &params)?;
        let mut notices = options.notices.clone();
        let config = Self {
            daemon: daemon(&options),
            pid_file: file_in(&netdir, options.pid.as_deref(), None),
            stop_at_height: options.stopatheight.filter(|height| *height > 0),
            sync: sync(&options, &params, &mut notices)?,
            notices,
            rpc: rpc(&options, &params, &netdir)?,
            zmq: zmq::outlets(&options)?,
            output: output(&options, &netdir)?,
            network,
            peers,
            params,
            netdir,
        };
        Ok(config)
    }
}

/// What `tipward cli` must know of the node's configuration.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where the node answers.
    pub addr: SocketAddr,
    /// The cookie file, if there is one.
    pub cookie_file: Option<PathBuf>,
    /// User and password, if set; the cookie otherwise.
    pub credentials: Option<(String, String)>,
}

impl ClientConfig {
    /// The same file and defaults as [`Config::load`], for a client.
    pub fn load(command_line: Options) -> anyhow::Result<Self> {
        let port = command_line.rpcport;
        let (network, options, datadir) = with_file(command_line)?;
        let config = Config::resolve(network, options, &datadir)?;
        let rpc = config.rpc.context("JSON-RPC is off: set `server` to on")?;
        let mut addr = *rpc.bind.first().context("no --rpcbind address")?;
        // Who names a port to call means it, whatever stands in --rpcbind.
        if let Some(port) = port {
            addr.set_port(port);
        }
        // "Every address" is no address to connect to.
        if addr.ip().is_unspecified() {
            addr.set_ip(match addr {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        Ok(Self {
            addr,
            cookie_file: rpc.cookie_file,
            credentials: rpc.credentials,
        })
    }
}

/// Lays the command line over the file that it names, or the default one: ours, or else one of Bitcoin Core's.
fn with_file(mut command_line: Options) -> anyhow::Result<(NetworkName, Options, PathBuf)> {
    let core = core::CommandLine::read(&std::mem::take(&mut command_line.core))?;
    let datadir = match command_line.datadir.clone().or_else(|| core.datadir()) {
        Some(dir) => dir,
        None => default_datadir()?,
    };
    let named = command_line.conf.clone().or_else(|| core.conf(&datadir));
    let is_toml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    };
    let (mut ours, mut cores) = (None, None);
    match named {
        // Ours may bear any name but the one that Core's has.
        Some(path) if is_toml(&path) => ours = Some(path),
        Some(path) if !core.is_empty() || path.ends_with("bitcoin.conf") => cores = Some(path),
        Some(path) => ours = Some(path),
        None if core.no_conf() => {}
        None => {
            let default = |name: &str| Some(datadir.join(name)).filter(|path| path.exists());
            cores = default("bitcoin.conf");
            // Whoever speaks Core's language means Core's file.
            if core.is_empty() || cores.is_none() {
                ours = default("tipward.toml");
            }
            if ours.is_some() {
                cores = None;
            }
        }
    }
    let core = core.translate(cores.as_deref(), &datadir, command_line.network)?;
    let file = match &ours {
        Some(path) => ConfigFile::read(path)?,
        None => ConfigFile::default(),
    };
    let network = core.network.or(file.network()).unwrap_or_default();
    let options = command_line.over(core.options).over(file.options(network));
    Ok((network, options, datadir))
}

fn default_datadir() -> anyhow::Result<PathBuf> {
    std::env::home_dir()
        .filter(|home| !home.as_os_str().is_empty())
        .map(|home| home.join(".tipward"))
        .context("no home directory is known: say where to keep data with --datadir")
}

fn parse_assume_valid(text: &str) -> Option<BlockHash> {
    match text {
        "0" => Some(BlockHash::all_zeros()),
        hash => hash.parse().ok(),
    }
}

/// A file inside the network's directory unless its path is absolute; 0 is none.
fn file_in(netdir: &Path, path: Option<&Path>, default: Option<&str>) -> Option<PathBuf> {
    match path.or(default.map(Path::new)) {
        Some(path) if path != Path::new("0") => Some(netdir.join(path)),
        _ => None,
    }
}

fn daemon(options: &Options) -> Daemon {
    let wait = is_on(options.daemonwait, false);
    match (options.in_background, wait || is_on(options.daemon, false)) {
        (true, _) => Daemon::Running,
        (false, true) => Daemon::Start { wait },
        (false, false) => Daemon::No,
    }
}

fn is_on(switch: Option<Switch>, default: bool) -> bool {
    switch.map_or(default, |Switch(on)| on)
}

fn peers(options: &Options, params: &Params) -> anyhow::Result<PeersConfig> {
    let connect = match options.connect.clone() {
        Some(list) if list.iter().any(|peer| peer == "0") => {
            ensure!(
                list.len() == 1,
                "--connect 0 means nobody and cannot stand beside other --connect"
            );
            Some(Vec::new())
        }
        other => other,
    };
    let add_nodes = options.addnode.clone().unwrap_or_default();
    let seed_nodes = options.seednode.clone().unwrap_or_default();
    for (option, list) in [
        ("connect", connect.as_deref().unwrap_or_default()),
        ("addnode", &add_nodes),
        ("seednode", &seed_nodes),
    ] {
        for peer in list {
            split_host_port(peer)
                .with_context(|| format!("--{option}: '{peer}' is no host or host:port"))?;
        }
    }
    let proxy = proxy_addr("proxy", options.proxy.as_deref())?;
    let onion_proxy = match options.onion.as_deref() {
        None => proxy,
        some => proxy_addr("onion", some)?,
    };
    let max_connections = options.maxconnections.unwrap_or(DEFAULT_MAX_CONNECTIONS);
    // Who connects to named peers only does not want strangers either, and who hides behind a proxy no listener.
    let listens_by_default = (connect.is_none() && proxy.is_none()) || options.bind.is_some();
    let listen = listen(options, params, listens_by_default)?;
    Ok(PeersConfig {
        dns_seed: is_on(
            options.dnsseed,
            connect.is_none() && options.maxconnections != Some(0),
        ),
        fixed_seeds: is_on(options.fixedseeds, true),
        proxy_randomize: is_on(options.proxyrandomize, true),
        dns_server: options.dnsserver,
        listen,
        connect,
        add_nodes,
        seed_nodes,
        max_connections,
        whitelist: permitted(options.whitelist.as_deref().unwrap_or_default())?,
        upload_target: amount("maxuploadtarget", &options.maxuploadtarget, 1 << 20)?,
        download_limit: amount("download-limit", &options.download_limit, 1)?,
        upload_limit: amount("upload-limit", &options.upload_limit, 1)?,
        proxy,
        onion_proxy,
    })
}

/// What `--whitelist` says.
fn permitted(entries: &[String]) -> anyhow::Result<Vec<Permitted>> {
    let parse = |entry: &String| {
        let permitted = entry.parse::<Permitted>();
        permitted.with_context(|| format!("--whitelist: '{entry}'"))
    };
    entries.iter().map(parse).collect()
}

/// Bytes that an option says, 0 without it.
fn amount(name: &str, text: &Option<String>, unit: u64) -> anyhow::Result<u64> {
    let Some(text) = text else {
        return Ok(0);
    };
    values::amount(text, unit)
        .with_context(|| format!("--{name}: '{text}' is no amount such as 500M"))
}

fn listen(options: &Options, params: &Params, by_default: bool) -> anyhow::Result<Vec<Listen>> {
    if !is_on(options.listen, by_default) {
        ensure!(
            options.bind.is_none(),
            "--bind cannot be used with --listen off"
        );
        return Ok(Vec::new());
    }
    let port = options.port.unwrap_or(params.p2p_port);
    match &options.bind {
        Some(list) => list
            .iter()
            .map(|text| {
                Ok(Listen {
                    addr: socket_addr("bind", text, port)?,
                    required: true,
                })
            })
            .collect(),
        None => Ok(vec![
            Listen {
                addr: (Ipv4Addr::UNSPECIFIED, port).into(),
                required: true,
            },
            // A machine without IPv6 is no error.
            Listen {
                addr: (Ipv6Addr::UNSPECIFIED, port).into(),
                required: false,
            },
        ]),
    }
}

fn sync(
    options: &Options,
    params: &Params,
    notices: &mut Vec<String>,
) -> anyhow::Result<SyncConfig> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = match options.par.unwrap_or(0) {
        0 => cores,
        n if n > 0 => usize::try_from(n).unwrap_or(cores),
        n => cores.saturating_sub(n.unsigned_abs() as usize),
    };
    let mib = options.blockbuffer.unwrap_or(DEFAULT_BLOCK_BUFFER_MIB);
    ensure!(
        mib >= MIN_BLOCK_BUFFER_MIB,
        "--blockbuffer must be at least {MIN_BLOCK_BUFFER_MIB} MiB, not {mib}"
    );
    let assume_valid = match options.assumevalid.as_deref() {
        None => params.assume_valid,
        Some(text) => parse_assume_valid(text).with_context(|| {
            format!("--assumevalid must be a block hash (64 hex digits) or 0, not '{text}'")
        })?,
    };
    let batch = options.batch.unwrap_or(DEFAULT_BATCH);
    ensure!(
        (1..=MAX_BATCH).contains(&batch),
        "--batch must be between 1 and {MAX_BATCH}, not {batch}"
    );
    Ok(SyncConfig {
        threads: NonZeroUsize::new(threads.min(MAX_THREADS)).unwrap_or(NonZeroUsize::MIN),
        db_cache: memory::db_cache(options.dbcache, notices)?,
        assume_valid,
        prune: prune::prune(options, params)?,
        // The greater contains the smaller.
        reindex: match (options.reindex, options.reindex_chainstate) {
            (true, _) => Some(Reindex::All),
            (false, true) => Some(Reindex::ChainState),
            (false, false) => None,
        },
        block_buffer: mib as usize * 1024 * 1024,
        batch: batch as usize,
    })
}

fn rpc(options: &Options, params: &Params, netdir: &Path) -> anyhow::Result<Option<RpcConfig>> {
    let credentials = match (&options.rpcuser, &options.rpcpassword) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user.clone(), password.clone())),
        _ => bail!("--rpcuser and --rpcpassword go together"),
    };
    if !is_on(options.server, true) {
        return Ok(None);
    }
    let port = options.rpcport.unwrap_or(params.rpc_port);
    let bind = match &options.rpcbind {
        None => vec![(Ipv4Addr::LOCALHOST, port).into()],
        Some(list) => list
            .iter()
            .map(|text| socket_addr("rpcbind", text, port))
            .collect::<anyhow::Result<_>>()?,
    };
    let allow: Vec<Subnet> = options
        .rpcallowip
        .iter()
        .flatten()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .context("--rpcallowip")?;
    let salted_logins = options
        .rpcauth
        .iter()
        .flatten()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .context("--rpcauth")?;
    let whitelisted = options.rpcwhitelist.iter().flatten().map(String::as_str);
    let others_nothing = options.rpcwhitelistdefault.map(|Switch(on)| on);
    Ok(Some(RpcConfig {
        bind,
        allow,
        credentials,
        salted_logins,
        whitelist: Whitelist::new(whitelisted, others_nothing),
        cookie_file: file_in(
            netdir,
            options.rpccookiefile.as_deref(),
            Some(Cookie::FILE_NAME),
        ),
        cookie_readers: match options.rpccookieperms.unwrap_or_default() {
            CookiePerms::Owner => CookieReaders::Owner,
            CookiePerms::Group => CookieReaders::Group,
            CookiePerms::All => CookieReaders::All,
        },
        rest: is_on(options.rest, false),
        watch: is_on(options.watch, true),
    }))
}

fn output(options: &Options, netdir: &Path) -> anyhow::Result<OutputConfig> {
    Ok(OutputConfig {
        // In the background there is nobody to read them.
        console: is_on(options.printtoconsole, daemon(options) == Daemon::No),
        log_file: file_in(
            netdir,
            options.debuglogfile.as_deref().map(Path::new),
            Some("debug.log"),
        ),
        levels: LogLevels::new(
            options.debug.as_deref().unwrap_or_default(),
            options.loglevel.as_deref().unwrap_or_default(),
        )?,
        format: options.logformat.unwrap_or_default(),
        progress: options.progress.unwrap_or_default(),
    })
}

fn proxy_addr(option: &str, value: Option<&str>) -> anyhow::Result<Option<SocketAddr>> {
    match value {
        None | Some("0" | "") => Ok(None),
        Some(text) => socket_addr(option, text, DEFAULT_PROXY_PORT).map(Some),
    }
}

/// An IP address, with or without a port.
fn socket_addr(option: &str, text: &str, default_port: u16) -> anyhow::Result<SocketAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, default_port));
    }
    text.parse()
        .ok()
        .with_context(|| format!("--{option}: '{text}' is no IP address or address:port"))
}

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; `None` if it is none of them.
pub(crate) fn split_host_port(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |digits: &str| digits.parse::<u16>().ok().filter(|port| *port != 0);
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(digits) => Some((host, Some(port(digits)?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, digits)) => (host, Some(port(digits)?)),
        None => (text, None),
    };
    let plausible = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (!host.is_empty() && host.len() <= 253 && host.bytes().all(plausible)).then_some((host, port))
}
