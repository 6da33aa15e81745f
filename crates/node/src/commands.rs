//! The command line: which commands there are, and how each ends.
//!
//! Whatever an operator can get wrong becomes one line on standard error, `Error: ...`, and exit code 1.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tipward_store::Reindex;

use crate::advice;
use crate::allocator;
use crate::bench::{self, BenchCommand};
use crate::client::{self, CliArgs};
use crate::config::{ClientConfig, Options, core, params};
use crate::demo::{self, DemoArgs};
use crate::export::{self, ExportArgs};
use crate::generate::{self, GenerateArgs};
use crate::import::{self, ImportArgs};
use crate::manual::{self, CompletionsArgs, ManArgs};
use crate::reindex::{self, ReindexArgs, ReindexChainstateArgs};
use crate::run;
use crate::serve::{self, ServeArgs};
use crate::top::{self, TopArgs};
use crate::verify::{self, VerifyArgs};

/// A Bitcoin node that gets to the chain's tip first.
///
/// Without a command it runs the node: it finds peers, syncs headers first and blocks from all peers at once, keeps
/// them on disk, follows new blocks and serves what it has. Every option below can also stand in the file that --conf
/// names, under the same name; the command line wins.
#[derive(Parser, Debug)]
#[command(name = "tipward", version, after_help = EXAMPLES, next_line_help = false, max_term_width = 110)]
struct CommandLine {
    #[command(flatten)]
    options: Options,

    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  tipward                                        sync Bitcoin's main network into ~/.tipward
  tipward --network signet --datadir /data/btc   another network, another place
  tipward --connect 192.0.2.7 --stopatheight 800000
                                                 from one peer of yours, then stop
  tipward --proxy 127.0.0.1:9050                 through Tor
  tipward cli getblockchaininfo                  ask the running node
  tipward top                                    watch it in the terminal
  tipward cli stop                               end it
  tipward demo                                   a whole sync from local peers, no internet needed";

#[derive(Subcommand, Debug)]
enum Command {
    /// Call a JSON-RPC method of the running node
    Cli(CliArgs),
    /// Watch the running node in the terminal
    Top(TopArgs),
    /// Take blocks from the files of a Bitcoin Core datadir, a bootstrap.dat or an export
    Import(ImportArgs),
    /// Write the chain, or a part of it, into a file that import and bitcoind -loadblock take
    Export(ExportArgs),
    /// Build headers, index, undo data and coins anew from the block files, and end
    Reindex(ReindexArgs),
    /// Build undo data and coins anew from the stored blocks, and end
    ReindexChainstate(ReindexChainstateArgs),
    /// Hold blocks, undo data and coins on disk against each other, and say what repairs what is damaged
    Verify(VerifyArgs),
    /// Be a peer that serves block files: for tests and labs
    Serve(ServeArgs),
    /// Sync a generated chain from four local peers and follow one more block, no internet needed
    Demo(DemoArgs),
    /// Measure
    #[command(after_help = "\
Examples:
  tipward bench download                 what the disk and the checks let through
  tipward bench ibd --help               more about one of them")]
    Bench {
        /// What to measure.
        #[command(subcommand)]
        what: BenchCommand,
    },
    /// Write a regtest chain with transactions into a block file
    Generate(GenerateArgs),
    /// Print what a shell needs to complete this command line
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// Options of the node that commands use; they can stand before the command and after it. A command that is not named
/// uses none of them.
const USED: &[(&[&str], &[&str])] = &[
    (
        &["cli", "top"],
        &["network", "datadir", "conf", "signetchallenge"],
    ),
    (
        &["cli", "top"],
        &[
            "rpcbind",
            "rpcport",
            "rpcuser",
            "rpcpassword",
            "rpccookiefile",
        ],
    ),
    (OFFLINE, &["network", "datadir", "conf", "signetchallenge"]),
    (
        OFFLINE,
        &["testactivationheight", "vbparams", "minimumchainwork"],
    ),
    (
        OFFLINE,
        &[
            "par",
            "dbcache",
            "assumevalid",
            "prune",
            "fastprune",
            "blockbuffer",
        ],
    ),
    (
        OFFLINE,
        &[
            "printtoconsole",
            "debuglogfile",
            "debug",
            "loglevel",
            "logformat",
            "progress",
        ],
    ),
    (
        &["serve"],
        &[
            "network",
            "signetchallenge",
            "testactivationheight",
            "vbparams",
        ],
    ),
    (&["bench"], &["network", "par", "dbcache", "blockbuffer"]),
];

/// Commands that work on a data directory without a network.
const OFFLINE: &[&str] = &[
    "import",
    "export",
    "verify",
    "reindex",
    "reindex-chainstate",
];

/// Whether a command, one of those at the top, uses an option of the node.
fn uses(command: &str, option: &str) -> bool {
    USED.iter()
        .any(|(commands, options)| commands.contains(&command) && options.contains(&option))
}

/// The command line, as it is parsed and explained: the help of a command shows what it uses of the node's options.
fn command() -> clap::Command {
    let mut command = CommandLine::command();
    // Only then do the commands have the options that can stand after them.
    command.build();
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| hide_unused(sub, &name));
    }
    command
}

fn hide_unused(mut command: clap::Command, top: &str) -> clap::Command {
    command = command.mut_args(|arg| {
        let unused = arg.is_global_set() && !uses(top, arg.get_id().as_str());
        if unused { arg.hide(true) } else { arg }
    });
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| hide_unused(sub, top));
    }
    command
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    CommandLine::from_arg_matches(&matches)
}

/// Runs what the command line says, to its end.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    allocator::share_between_threads();
    let all_args: Vec<OsString> = args.into_iter().collect();
    let (args, core) = core::split(all_args.iter().cloned(), &command());
    let command_line = match parse(args) {
        Ok(command_line) => command_line,
        Err(error) if !error.use_stderr() => {
            // --help and --version; nobody is left to hear of a failure to print them.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(&explain(&error)),
    };
    let options = Options {
        core,
        ..command_line.options
    };
    let result = match command_line.command {
        None => run::run(options, &all_args),
        Some(Command::Cli(args)) => {
            let called = ClientConfig::load(options).and_then(|config| client::run(&args, &config));
            match called {
                Ok(code) => return code,
                Err(error) => Err(error),
            }
        }
        Some(Command::Top(_)) => ClientConfig::load(options).and_then(|config| top::run(&config)),
        Some(Command::Import(args)) => import::run(&args, options),
        Some(Command::Export(args)) => export::run(&args, options),
        Some(Command::Reindex(_)) => reindex::run(Reindex::All, options),
        Some(Command::ReindexChainstate(_)) => reindex::run(Reindex::ChainState, options),
        Some(Command::Verify(args)) => verify::run(&args, options),
        Some(Command::Serve(args)) => serve_command(&args, options),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Bench { what }) => bench::run(&what, options),
        Some(Command::Generate(args)) => generate::run(&args),
        Some(Command::Completions(args)) => manual::completions(&args, command()),
        Some(Command::Man(args)) => manual::man(&args, command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&advice::line(&error)),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("Error: {}", message.trim_end().replace('\n', " "));
    ExitCode::FAILURE
}

/// clap's own message takes several lines; what matters of it fits on one.
pub(crate) fn explain(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing: see `tipward --help`".to_owned();
    }
    let text = error.render().to_string();
    let first: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let mut message = first.join(" ").trim_start_matches("error: ").to_owned();
    let suggested = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    });
    match suggested {
        Some(name) => message.push_str(&format!(": did you mean '{name}'?")),
        None if error.kind() == ErrorKind::UnknownArgument => {
            message.push_str(": see `tipward --help`");
        }
        None => {}
    }
    message
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

fn serve_command(args: &ServeArgs, options: Options) -> anyhow::Result<()> {
    let params = params(options.network.unwrap_or_default(), &options)?;
    runtime()?.block_on(serve::run(args, &params))
}

#[cfg(test)]
mod tests;
