//! Figures of all runs: a line each, a table of medians, and everything as JSON.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::rpc::{Calls, Fetched};
use super::series::Spread;
use crate::generate::mainnet::ChainNote;

/// What a run took.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// Seconds from the start until the node had the tip.
    pub(super) to_tip: f64,
    /// Seconds that it took for the full blocks.
    pub(super) full: f64,
    /// Seconds from the start until the node had stopped, with everything on disk.
    pub(super) to_end: f64,
    /// Seconds of user and system time for the full blocks.
    pub(super) cpu_full: f64,
    /// And until the tip.
    pub(super) cpu_to_tip: f64,
    /// And until the end.
    pub(super) cpu: f64,
    /// Bytes that were resident at most.
    pub(super) peak: u64,
    /// Bytes that the process caused to be written to disk.
    pub(super) written: u64,
    /// CPU seconds of the peers meanwhile.
    pub(super) serving: f64,
    /// What came of calls meanwhile, if there were some.
    pub(super) calls: Option<Calls>,
    /// What came of fetching blocks afterwards.
    pub(super) rest: Vec<Fetched>,
}

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Number of the program.
    pub(super) node: usize,
    pub(super) round: u32,
    /// Whether scripts were verified.
    pub(super) scripts: bool,
    pub(super) figures: Figures,
}

/// What is told of a run: a name, a unit, digits after the point, and where it is found.
struct Row {
    name: &'static str,
    unit: &'static str,
    digits: usize,
    of: fn(&Figures) -> f64,
}

const ROWS: [Row; 9] = [
    Row {
        name: "to_tip",
        unit: "s",
        digits: 2,
        of: |figures| figures.to_tip,
    },
    Row {
        name: "full_blocks",
        unit: "s",
        digits: 2,
        of: |figures| figures.full,
    },
    Row {
        name: "to_end",
        unit: "s",
        digits: 2,
        of: |figures| figures.to_end,
    },
    Row {
        name: "cpu_full",
        unit: "s",
        digits: 2,
        of: |figures| figures.cpu_full,
    },
    Row {
        name: "cpu_to_tip",
        unit: "s",
        digits: 2,
        of: |figures| figures.cpu_to_tip,
    },
    Row {
        name: "cpu",
        unit: "s",
        digits: 2,
        of: |figures| figures.cpu,
    },
    Row {
        name: "peak",
        unit: "MB",
        digits: 0,
        of: |figures| figures.peak as f64 / 1e6,
    },
    Row {
        name: "written",
        unit: "MB",
        digits: 0,
        of: |figures| figures.written as f64 / 1e6,
    },
    Row {
        name: "serving_cpu",
        unit: "s",
        digits: 2,
        of: |figures| figures.serving,
    },
];

impl Run {
    /// All figures in a line.
    fn line(&self, name: &str) -> String {
        let scripts = if self.scripts { "on" } else { "off" };
        let mut line = format!("round {}, scripts {scripts}, {name}:", self.round);
        for row in &ROWS {
            let value = (row.of)(&self.figures);
            let _ = write!(line, " {} {value:.*} {},", row.name, row.digits, row.unit);
        }
        line.pop();
        line
    }

    fn json(&self) -> Value {
        let figures = ROWS
            .iter()
            .map(|row| (row.name.to_owned(), json!((row.of)(&self.figures))));
        Value::Object(figures.collect())
    }
}

/// All runs so far.
pub(super) struct Report {
    note: ChainNote,
    dbcache: u32,
    /// Of the programs.
    names: Vec<String>,
    runs: Vec<Run>,
}

impl Report {
    pub(super) fn new(note: &ChainNote, dbcache: u32, names: Vec<String>) -> Self {
        Self {
            note: note.clone(),
            dbcache,
            names,
            runs: Vec::new(),
        }
    }

    /// Adds a run, and says what came of it.
    pub(super) fn push(&mut self, run: Run) {
        println!("{}", run.line(&self.names[run.node]));
        self.runs.push(run);
    }

    fn spread(&self, scripts: bool, node: usize, row: &Row) -> Spread {
        let runs = self.runs.iter();
        let runs = runs.filter(|run| run.scripts == scripts && run.node == node);
        Spread::of(runs.map(|run| (row.of)(&run.figures)))
    }

    /// How many times as much the second program took, round by round.
    fn ratio(&self, scripts: bool, row: &Row) -> Spread {
        let find = |node, round| {
            let mut runs = self.runs.iter();
            runs.find(|run| (run.scripts, run.node, run.round) == (scripts, node, round))
                .map(|run| (row.of)(&run.figures))
        };
        let rounds = self.runs.iter().map(|run| run.round).max().unwrap_or(0);
        Spread::of((1..=rounds).filter_map(|round| {
            let (ours, theirs) = (find(0, round)?, find(1, round)?);
            (ours > 0.0).then(|| theirs / ours)
        }))
    }

    /// Medians, least and most of each figure, and the ratios of the pairs.
    pub(super) fn table(&self, scripts: bool) -> String {
        let mut table = format!(
            "\nscripts {}, dbcache {} MiB: medians (least .. most)\n",
            if scripts { "verified" } else { "assumed valid" },
            self.dbcache
        );
        let nodes = self.names.len();
        let mut names = self.names.clone();
        if nodes > 1 {
            names.push("ratio of the pairs".to_owned());
        }
        let _ = write!(table, "{:<16}", "");
        for name in names {
            let _ = write!(table, "{name:<28}");
        }
        for row in &ROWS {
            let _ = write!(table, "\n{:<16}", format!("{}, {}", row.name, row.unit));
            let mut spreads: Vec<(Spread, usize)> = (0..nodes)
                .map(|node| (self.spread(scripts, node, row), row.digits))
                .collect();
            if nodes > 1 {
                spreads.push((self.ratio(scripts, row), 2));
            }
            for (spread, digits) in spreads {
                let _ = write!(table, "{:<28}", text(&spread, digits));
            }
        }
        table.push('\n');
        table
    }

    /// Everything.
    pub(super) fn json(&self) -> Value {
        let runs: Vec<Value> = self
            .runs
            .iter()
            .map(|run| {
                json!({
                    "node": self.names[run.node],
                    "round": run.round,
                    "scripts": run.scripts,
                    "figures": run.json(),
                })
            })
            .collect();
        let mut summaries = Vec::new();
        for scripts in [false, true] {
            if !self.runs.iter().any(|run| run.scripts == scripts) {
                continue;
            }
            for (index, name) in self.names.iter().enumerate() {
                let of = |row: &Row| spread_json(&self.spread(scripts, index, row));
                summaries.push(json!({
                    "node": name,
                    "scripts": scripts,
                    "figures": rows(of),
                }));
            }
            if self.names.len() > 1 {
                let of = |row: &Row| spread_json(&self.ratio(scripts, row));
                summaries.push(json!({
                    "node": "ratio of the pairs",
                    "scripts": scripts,
                    "figures": rows(of),
                }));
            }
        }
        json!({
            "chain": self.note,
            "dbcache": self.dbcache,
            "runs": runs,
            "medians": summaries,
        })
    }
}

fn rows(of: impl Fn(&Row) -> Value) -> Value {
    Value::Object(
        ROWS.iter()
            .map(|row| (row.name.to_owned(), of(row)))
            .collect(),
    )
}

fn text(spread: &Spread, digits: usize) -> String {
    format!(
        "{:.digits$} ({:.digits$} .. {:.digits$})",
        spread.median, spread.least, spread.most
    )
}

fn spread_json(spread: &Spread) -> Value {
    json!({ "median": spread.median, "least": spread.least, "most": spread.most })
}

/// Writes figures to a file.
pub(super) fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}
