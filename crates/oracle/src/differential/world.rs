use std::fmt;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tipward_primitives::bitcoin::{Block, Witness};
use tipward_primitives::{BlockHash, Network, Params, RawBlock};
use tipward_testkit::build::to_raw;
use tipward_testkit::cases::{self, Case, Verdict};
use tipward_testkit::generate::{Branch, ChainGenerator, ChainOptions};
use tipward_validation::Options;

use super::Pair;
use crate::Outcome;

/// Good blocks that are remembered to build on.
const MOST_NODES: usize = 40;

/// How much is done for each seed.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Things that happen after the first blocks.
    pub steps: usize,
    /// After so many of them the coins are compared, and again at the end.
    pub coins_every: usize,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            steps: 80,
            coins_every: 40,
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks that both were given, first ones included.
    pub blocks: usize,
    /// Those that were refused, at once or as they were connected.
    pub refused: usize,
    /// Blocks that left the active chain.
    pub disconnected: usize,
    /// Times that the node was stopped or killed.
    pub restarts: usize,
}

/// The node and Bitcoin Core disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The seed that shows it again.
    pub seed: u64,
    /// The step at which it came, from 0; `None` if it was before the first.
    pub step: Option<usize>,
    /// What was done in that step.
    pub doing: String,
    /// How they differ.
    pub what: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        match self.step {
            Some(step) => write!(f, ", step {step}")?,
            None => f.write_str(", the first blocks")?,
        }
        write!(f, ", {}: {}", self.doing, self.what)
    }
}

impl std::error::Error for Disagreement {}

/// Makes a chain from a seed and gives it to both.
///
/// # Errors
/// The first disagreement.
pub fn run(seed: u64, scope: Scope) -> Result<Report, Disagreement> {
    let mut doing = String::from("start");
    let mut step = None;
    let disagreement = |step: Option<usize>, doing: &str, what| Disagreement {
        seed,
        step,
        doing: doing.to_owned(),
        what,
    };
    let world = World::new(seed);
    let mut world = world.map_err(|what| disagreement(step, &doing, what))?;
    for number in 0..scope.steps {
        step = Some(number);
        let done = world.step(&mut doing);
        done.map_err(|what| disagreement(step, &doing, what))?;
        if number % scope.coins_every == scope.coins_every - 1 {
            let same = world.pair.compare_coins();
            same.map_err(|what| disagreement(step, "compare coins", what))?;
        }
    }
    let same = world.pair.compare_coins();
    same.map_err(|what| disagreement(step, "compare coins", what))?;
    Ok(world.report)
}

struct World {
    pair: Pair,
    rng: ChaCha8Rng,
    options: ChainOptions,
    /// Tips of good chains, the newest last.
    nodes: Vec<Branch>,
    /// Blocks that were sent, good and bad.
    sent: Vec<RawBlock>,
    /// Branches that end in a block that was refused.
    bad: Vec<Branch>,
    /// Tells blocks apart that are otherwise the same.
    number: u64,
    report: Report,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases::all);

impl World {
    fn new(seed: u64) -> Result<Self, String> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Before, at and after the first halving of the subsidy.
        let base = rng.random_range(104..156);
        let options = ChainOptions {
            transactions: 0..=4,
            coinbase_outputs: 4,
            ..ChainOptions::mixed(seed, base, 0)
        };
        let mut chain = ChainGenerator::new(options.clone());
        let pair = Pair::new(Params::new(Network::Regtest), node_options(&mut rng))?;
        let mut world = Self {
            pair,
            rng,
            options,
            nodes: Vec::new(),
            sent: Vec::new(),
            bad: Vec::new(),
            number: 1,
            report: Report::default(),
        };
        while let Some(raw) = chain.next() {
            world.sent.push(raw);
            if chain.height() + 8 > base {
                world.nodes.push(chain.branch().clone());
            }
        }
        let first = world.sent.clone();
        world.report.blocks += first.len();
        world.pair.submit_all(&first)?;
        Ok(world)
    }

    fn step(&mut self, doing: &mut String) -> Result<(), String> {
        let choice = self.rng.random_range(0..100);
        match choice {
            0..35 => self.good_block(doing),
            35..68 => self.case(doing),
            68..74 => self.again(doing),
            74..81 => self.out_of_order(doing),
            81..87 => self.wrong_body(doing),
            87..92 => self.on_a_bad_one(doing),
            92..96 => self.longer_branch(doing),
            _ => self.restart(doing),
        }
    }

    /// A chain to build on: mostly the newest.
    fn branch(&mut self) -> Branch {
        let newest = self.nodes.len() - 1;
        let at = match self.rng.random_bool(0.6) {
            true => newest,
            false => self.rng.random_range(newest.saturating_sub(10)..=newest),
        };
        let mut branch = self.nodes[at].clone();
        self.number += 1;
        branch.set_number(self.number);
        branch
    }

    fn mine(&mut self, branch: &mut Branch) -> RawBlock {
        self.number += 1;
        branch.set_number(self.number);
        to_raw(&branch.mine(&self.options, &mut self.rng))
    }

    fn remember(&mut self, branch: Branch) {
        if self.nodes.len() == MOST_NODES {
            self.nodes.remove(0);
        }
        self.nodes.push(branch);
    }

    /// Gives a block to both, and says whether it was found invalid.
    fn submit(&mut self, raw: &RawBlock) -> Result<bool, String> {
        let answer = self.pair.submit(raw)?;
        self.report.blocks += 1;
        self.report.disconnected += answer.disconnected.len();
        self.report.refused += usize::from(!answer.refused.is_empty());
        self.sent.push(raw.clone());
        let hash = raw.block_hash();
        Ok(answer.outcome == Outcome::Refused || answer.refused.iter().any(|r| r.block == hash))
    }

    fn good_block(&mut self, doing: &mut String) -> Result<(), String> {
        let mut branch = self.branch();
        let raw = self.mine(&mut branch);
        *doing = format!(
            "a good block {} at height {}",
            raw.block_hash(),
            branch.height()
        );
        if self.submit(&raw)? {
            return Err("both refuse it".to_owned());
        }
        self.remember(branch);
        Ok(())
    }

    fn case(&mut self, doing: &mut String) -> Result<(), String> {
        let branch = self.branch();
        let case = &CASES[self.rng.random_range(0..CASES.len())];
        let Some(block) = case.build(&branch, &mut self.rng) else {
            return Ok(());
        };
        *doing = format!("{} at height {}", case.name, branch.height() + 1);
        let refused = self.submit(&to_raw(&block))?;
        if case.verdict == Verdict::Valid {
            if refused {
                return Err("both refuse it".to_owned());
            }
            let mut branch = branch;
            branch.accept(&block);
            self.remember(branch);
        } else if block.txdata.first().is_some_and(|tx| tx.is_coinbase()) {
            // It may not have been tried yet, if it stands on a losing branch.
            let mut branch = branch;
            branch.accept(&block);
            self.bad.push(branch);
        }
        Ok(())
    }

    fn again(&mut self, doing: &mut String) -> Result<(), String> {
        let at = self.rng.random_range(0..self.sent.len());
        let raw = self.sent[at].clone();
        *doing = format!("block {} again", raw.block_hash());
        self.submit(&raw).map(drop)
    }

    /// Children before their parents: either without their headers, and then all again in order, or after them.
    fn out_of_order(&mut self, doing: &mut String) -> Result<(), String> {
        let mut branch = self.branch();
        let count = self.rng.random_range(2..=5);
        let mut blocks = Vec::new();
        for _ in 0..count {
            blocks.push(self.mine(&mut branch));
            if self.rng.random_bool(0.2) {
                // A fork within.
                let mut side = branch.clone();
                blocks.push(self.mine(&mut side));
            }
        }
        let headers_first = self.rng.random_bool(0.6);
        *doing = format!(
            "{} blocks in no order, headers first: {headers_first}",
            blocks.len()
        );
        if headers_first {
            for raw in &blocks {
                self.pair.submit_header(&raw.header())?;
            }
        }
        let mut shuffled = blocks.clone();
        shuffled.shuffle(&mut self.rng);
        for raw in &shuffled {
            self.submit(raw)?;
        }
        for raw in &blocks {
            if self.submit(raw)? {
                return Err(format!("both refuse {}", raw.block_hash()));
            }
        }
        self.remember(branch);
        Ok(())
    }

    /// A body that is not the header's, then the right one.
    fn wrong_body(&mut self, doing: &mut String) -> Result<(), String> {
        let mut branch = self.branch();
        self.number += 1;
        branch.set_number(self.number);
        let block = branch.mine(&self.options, &mut self.rng);
        let right = to_raw(&block);
        *doing = format!("another body for {}", right.block_hash());
        self.pair.submit_header(&block.header)?;
        for _ in 0..self.rng.random_range(1..=2) {
            let wrong = to_raw(&self.mutated(block.clone()));
            // Bitcoin Core compares with what it has before it looks at the body; so do we.
            if wrong != right {
                self.submit(&wrong)?;
            }
        }
        if self.submit(&right)? {
            return Err("both refuse the right body".to_owned());
        }
        self.remember(branch);
        Ok(())
    }

    fn mutated(&mut self, mut block: Block) -> Block {
        let list = &mut block.txdata;
        match self.rng.random_range(0..4) {
            0 => {
                list.pop();
            }
            1 => {
                let last = list[list.len() - 1].clone();
                list.push(last);
            }
            2 => {
                let at = self.rng.random_range(0..list.len());
                let input = list[at].input.last_mut();
                if let Some(input) = input {
                    input.witness = Witness::from_slice(&[[9; 40]]);
                }
            }
            _ => list[0].input[0].witness = Witness::new(),
        }
        block
    }

    /// A block on one that is invalid.
    fn on_a_bad_one(&mut self, doing: &mut String) -> Result<(), String> {
        if self.bad.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..self.bad.len());
        let parent = self.bad[at].tip_hash();
        let known_invalid = |hash: &BlockHash| {
            let chain = self.pair.local().chain();
            chain
                .find(hash)
                .is_some_and(|id| chain.is_invalid(id) || chain.is_stored(id))
        };
        // A body that is not its header's says nothing about the header: the next block would stand on a good one.
        if !known_invalid(&parent) {
            return Ok(());
        }
        let mut branch = self.bad[at].clone();
        let raw = self.mine(&mut branch);
        *doing = format!("block {} on the bad {parent}", raw.block_hash());
        self.submit(&raw)?;
        self.bad.push(branch);
        Ok(())
    }

    /// A branch from further back that overtakes the others.
    fn longer_branch(&mut self, doing: &mut String) -> Result<(), String> {
        let oldest = self.rng.random_range(0..self.nodes.len());
        let mut branch = self.nodes[oldest].clone();
        let goal = self.pair.local().height() + self.rng.random_range(0..=2);
        *doing = format!("a branch from height {} to {goal}", branch.height());
        while branch.height() < goal {
            let raw = self.mine(&mut branch);
            if self.submit(&raw)? {
                return Err(format!("both refuse {}", raw.block_hash()));
            }
        }
        self.remember(branch);
        Ok(())
    }

    fn restart(&mut self, doing: &mut String) -> Result<(), String> {
        let kill = self.rng.random_bool(0.6);
        *doing = format!("restart, killed: {kill}");
        self.report.restarts += 1;
        let options = node_options(&mut self.rng);
        self.pair.restart(kill, options)
    }
}

/// Few threads, for there are many nodes; coins in much memory, or in so little that they are flushed every few blocks.
fn node_options(rng: &mut ChaCha8Rng) -> Options {
    let two = const { NonZeroUsize::new(2).unwrap() };
    Options {
        check_threads: NonZeroUsize::MIN,
        script_threads: two,
        load_threads: two,
        dbcache: match rng.random_bool(0.5) {
            true => 16 << 20,
            false => 256 << 10,
        },
        ..Options::default()
    }
}
