//! `tipward bench rpc`: what JSON-RPC and REST are worth while a sync runs, and what they cost it.
//!
//! Each round syncs a generated chain twice, with all scripts verified: once left alone, once with many connections that call
//! a method all the time, `getblockchaininfo` unless another is named. When the second one has the tip, its full blocks are fetched by REST, in turn with
//! the same bytes over plain connections.
//!
//! Who calls runs on the same machine: what the callers take of the processors is part of the sync's loss, and what they
//! wait for a processor is part of the time of an answer.

mod load;
mod rest;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::chain::{ChainArgs, db_cache_mib};
use super::ibd::node::{Kind, NodeUnderTest, Task};
use super::series::Series;
use super::source::Source;
use crate::config::{NetworkName, Options};
pub(super) use load::{Calls, Load, LoadOptions};
pub(super) use rest::{Fetched, RestOptions, fetch};

/// Options of `tipward bench rpc`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward bench rpc --blocks chain.dat --dir /some/disk
  tipward bench rpc --blocks chain.dat --rate 0
                                         as many calls as get answered
  tipward bench rpc --blocks chain.dat --method getnetworkinfo
                                         another call")]
pub struct RpcArgs {
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,

    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Connections that call
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub connections: u32,

    /// Calls a second of all connections together; 0 for as many as get answered
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub rate: u32,

    /// Method to call
    #[arg(long, value_name = "METHOD", default_value = "getblockchaininfo")]
    pub method: String,

    /// Its parameters, a JSON array
    #[arg(long, value_name = "JSON", default_value = "[]")]
    pub params: String,

    /// Connections that fetch blocks by REST
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub rest_connections: u32,

    /// Times that the blocks are fetched
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rest_rounds: u32,

    /// Another option for the node, such as --node-arg=--par=1. Can be given several times
    #[arg(long, value_name = "OPTION")]
    pub node_arg: Vec<String>,
}

/// What came of one round.
struct Round {
    /// Seconds for the full blocks, left alone and called.
    alone: f64,
    called: f64,
    calls: Calls,
    rest: Vec<Fetched>,
}

/// Measures and prints.
pub(super) fn run(args: &RpcArgs, options: &Options) -> anyhow::Result<()> {
    let note = args.chain.note(options)?;
    let dbcache = db_cache_mib(options)?;
    let dir = args.chain.scratch()?;
    let sources = [Source::start(
        NetworkName::Regtest,
        std::slice::from_ref(&args.chain.blocks),
        &[],
    )?];
    let mut more = args.node_arg.clone();
    more.push("--rest".to_owned());
    let node = NodeUnderTest {
        program: std::env::current_exe()?,
        kind: Kind::Tipward,
        more,
    };
    let mut rounds = Series::default();
    for round in 1..=args.rounds {
        // Which one goes first changes.
        let mut syncs = [None, None];
        let order = if round % 2 == 0 { [1, 0] } else { [0, 1] };
        for called in order {
            let load = LoadOptions {
                connections: args.connections as usize,
                rate: args.rate,
                method: &args.method,
                params: &args.params,
            };
            let rest = RestOptions {
                connections: args.rest_connections as usize,
                rounds: args.rest_rounds,
                note: &note,
            };
            let task = Task {
                dir: &dir.path().join("node"),
                sources: &sources,
                assume_valid: None,
                dbcache,
                note: &note,
                load: (called == 1).then_some(load),
                rest: (called == 1).then_some(rest),
            };
            syncs[called] = Some(node.sync(&task)?);
        }
        if let [Some(alone), Some(called)] = syncs {
            let round = Round {
                alone: alone.full,
                called: called.full,
                calls: called.calls.context("nobody called")?,
                rest: called.rest,
            };
            round.print(&args.method);
            rounds.push(round);
        }
    }
    println!(
        "medians of {} rounds: full blocks {:.2} s alone, {:.2} s called ({:+.1} %; {:.1} % of all cores went into calls), \
         p99 {:.2} ms, REST {:.2} of plain",
        rounds.len(),
        rounds.median(|round| round.alone),
        rounds.median(|round| round.called),
        rounds.median(Round::loss) * 1e2,
        rounds.median(|round| round.calls.share_of_cores()) * 1e2,
        rounds.median(|round| round.calls.p99_ms),
        rounds.median(Round::rest_share),
    );
    args.chain.save(&json!(rounds.map(Round::json)))
}

impl Round {
    /// How much longer the sync took.
    fn loss(&self) -> f64 {
        self.called / self.alone - 1.0
    }

    /// REST's speed as a part of the plain one's.
    fn rest_share(&self) -> f64 {
        let mut shares: Vec<f64> = self.rest.iter().map(|f| f.rest / f.plain).collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn print(&self, method: &str) {
        let calls = &self.calls;
        println!(
            "full blocks: {:.2} s alone, {:.2} s called: {:+.1} %",
            self.alone,
            self.called,
            self.loss() * 1e2
        );
        println!(
            "{method}: {} answers, {:.0} a second, {} failed; p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, \
             most {:.2} ms; the callers took {:.2} s of CPU, the answers {:.2} s: {:.1} % of all cores",
            calls.answers,
            calls.rate,
            calls.failed,
            calls.p50_ms,
            calls.p99_ms,
            calls.p999_ms,
            calls.most_ms,
            calls.cpu_seconds,
            calls.answers_cpu_seconds,
            calls.share_of_cores() * 1e2
        );
        for fetched in &self.rest {
            println!(
                "blocks by REST: {:.0} MB/s, plain: {:.0} MB/s, {:.2} of it",
                fetched.rest / 1e6,
                fetched.plain / 1e6,
                fetched.rest / fetched.plain
            );
        }
    }

    fn json(&self) -> serde_json::Value {
        let calls = &self.calls;
        json!({
            "full_blocks_alone_seconds": self.alone,
            "full_blocks_called_seconds": self.called,
            "answers": calls.answers,
            "answers_per_second": calls.rate,
            "failed": calls.failed,
            "p50_ms": calls.p50_ms,
            "p99_ms": calls.p99_ms,
            "p999_ms": calls.p999_ms,
            "most_ms": calls.most_ms,
            "callers_cpu_seconds": calls.cpu_seconds,
            "answers_cpu_seconds": calls.answers_cpu_seconds,
            "share_of_cores": calls.share_of_cores(),
            "rest_bytes_per_second": self.rest.iter().map(|f| f.rest).collect::<Vec<_>>(),
            "plain_bytes_per_second": self.rest.iter().map(|f| f.plain).collect::<Vec<_>>(),
        })
    }
}
