//! One run of one node.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use tipward_primitives::{BlockHash, Height, Network, Params};
use tipward_rpc::Cookie;
use tipward_rpc::client::{Client, Login};

use crate::bench::process::Watched;
use crate::bench::report::Figures;
use crate::bench::rpc::{Load, LoadOptions, RestOptions, fetch};
use crate::bench::source::Source;
use crate::generate::mainnet::ChainNote;

/// How often a node is asked for its height.
const POLL: Duration = Duration::from_millis(100);

/// A node that busy does not answer at once.
const ANSWER: Duration = Duration::from_secs(60);

/// A node that has not got a block further for so long will not get there.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whose command line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Kind {
    Tipward,
    Core,
}

impl Kind {
    /// By the program's name.
    pub(in crate::bench) fn of(program: &Path) -> Self {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        match name.contains("tipward") {
            true => Self::Tipward,
            false => Self::Core,
        }
    }
}

/// A program to measure.
pub(in crate::bench) struct NodeUnderTest {
    pub(in crate::bench) program: PathBuf,
    pub(in crate::bench) kind: Kind,
    /// More of its options.
    pub(in crate::bench) more: Vec<String>,
}

/// What to do in a run.
pub(in crate::bench) struct Task<'a> {
    /// Not there yet, and gone afterwards.
    pub(in crate::bench) dir: &'a Path,
    pub(in crate::bench) sources: &'a [Source],
    /// Block up to which scripts are assumed valid.
    pub(in crate::bench) assume_valid: Option<BlockHash>,
    pub(in crate::bench) dbcache: u32,
    pub(in crate::bench) note: &'a ChainNote,
    /// Who calls it meanwhile.
    pub(in crate::bench) load: Option<LoadOptions<'a>>,
    /// What is fetched from it in the end.
    pub(in crate::bench) rest: Option<RestOptions<'a>>,
}

impl NodeUnderTest {
    /// What to call it.
    pub(in crate::bench) fn name(&self) -> String {
        let name = self.program.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Syncs into an empty directory, and stops in order.
    pub(in crate::bench) fn sync(&self, task: &Task<'_>) -> anyhow::Result<Figures> {
        std::fs::create_dir(task.dir)?;
        // What earlier runs wrote is not to be written in this one's time.
        rustix::fs::sync();
        let rpc_port = free_port()?;
        let mut command = self.command(task, rpc_port);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let serving = Source::cpu_seconds(task.sources);
        let begun = Instant::now();
        let mut process = Watched::spawn(command)
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let client = Client {
            addr: (Ipv4Addr::LOCALHOST, rpc_port).into(),
            login: Login::Cookie(self.netdir(task.dir).join(Cookie::FILE_NAME)),
            timeout: Some(ANSWER),
        };
        let mut figures = Figures::default();
        let load = match task.load {
            Some(options) => {
                let cookie = self.netdir(task.dir).join(Cookie::FILE_NAME);
                Some(Load::start(client.clone(), cookie, options)?)
            }
            None => None,
        };
        self.watch(task, begun, &client, &mut process, &mut figures)?;
        if let Some(load) = load {
            let mut calls = load.end()?;
            calls.answers_cpu_seconds = process.cpu_seconds_of("rpc")?;
            figures.calls = Some(calls);
        }
        if let Some(rest) = &task.rest {
            let blocks = self.netdir(task.dir).join("blocks");
            figures.rest = fetch(&client, &blocks, rest)?;
        }
        client
            .call("stop", &json!([]))
            .context("it does not stop")?;
        let ended = process.wait()?;
        ensure!(
            ended.status.success(),
            "{} ended with {}",
            self.name(),
            ended.status
        );
        std::fs::remove_dir_all(task.dir)?;
        Ok(Figures {
            to_end: begun.elapsed().as_secs_f64(),
            cpu: ended.cpu_seconds,
            peak: ended.peak_bytes,
            written: ended.written_bytes,
            serving: Source::cpu_seconds(task.sources) - serving,
            ..figures
        })
    }

    /// Asks until the node has the tip.
    fn watch(
        &self,
        task: &Task<'_>,
        begun: Instant,
        client: &Client,
        process: &mut Watched,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let note = task.note;
        let mut full_since = None;
        let mut last = (0, Instant::now());
        loop {
            std::thread::sleep(POLL);
            if process.look() {
                let ended = process.wait()?;
                bail!("{} ended early, with {}", self.name(), ended.status);
            }
            let height = match client.call("getblockcount", &json!([])) {
                Ok(height) => height.as_u64().context("no height")? as Height,
                Err(error) if error.is_passing() => 0,
                Err(error) => return Err(error.into()),
            };
            let seconds = begun.elapsed().as_secs_f64();
            if height + 1 >= note.full.0 && full_since.is_none() {
                full_since = Some((seconds, process.cpu_seconds()));
            }
            if height >= note.full.1
                && figures.full == 0.0
                && let Some((since, cpu)) = full_since
            {
                figures.full = seconds - since;
                figures.cpu_full = process.cpu_seconds() - cpu;
            }
            if height >= note.height {
                figures.to_tip = seconds;
                figures.cpu_to_tip = process.cpu_seconds();
                let tip = client.call("getbestblockhash", &json!([]))?;
                ensure!(
                    tip.as_str() == Some(&note.tip.to_string()),
                    "{} ended up at another tip: {tip}",
                    self.name()
                );
                return Ok(());
            }
            if height > last.0 {
                last = (height, Instant::now());
            }
            ensure!(
                last.1.elapsed() < PATIENCE,
                "{} is stuck at height {height}",
                self.name()
            );
        }
    }

    fn netdir(&self, dir: &Path) -> PathBuf {
        match self.kind {
            Kind::Core => dir.join("regtest"),
            Kind::Tipward => {
                let params = Params::new(Network::Regtest);
                dir.join(tipward_store::layout::network_dir_name(&params))
            }
        }
    }

    fn command(&self, task: &Task<'_>, rpc_port: u16) -> Command {
        let mut command = Command::new(&self.program);
        let dir = task.dir.display();
        let assume_valid = task
            .assume_valid
            .map_or("0".to_owned(), |hash| hash.to_string());
        let dbcache = task.dbcache;
        let mut options = match self.kind {
            Kind::Tipward => vec![
                "--network=regtest".to_owned(),
                "--listen=off".to_owned(),
                "--printtoconsole=off".to_owned(),
                "--progress=off".to_owned(),
                format!("--datadir={dir}"),
                format!("--dbcache={dbcache}"),
                format!("--assumevalid={assume_valid}"),
                format!("--rpcport={rpc_port}"),
            ],
            // All else as it comes. Peers that do not speak the encrypted transport would be tried with it first, which
            // costs a second.
            Kind::Core => vec![
                "-regtest".to_owned(),
                "-listen=0".to_owned(),
                "-server".to_owned(),
                "-printtoconsole=0".to_owned(),
                "-v2transport=0".to_owned(),
                format!("-datadir={dir}"),
                format!("-dbcache={dbcache}"),
                format!("-assumevalid={assume_valid}"),
                format!("-rpcport={rpc_port}"),
            ],
        };
        let connect = match self.kind {
            Kind::Tipward => "--connect",
            Kind::Core => "-connect",
        };
        let sources = task.sources.iter();
        options.extend(sources.map(|source| format!("{connect}={}", source.addr)));
        command.args(options).args(&self.more);
        command
    }
}

/// A port that is free now. Whoever wants it must be quick, but hardly anybody else does.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}
