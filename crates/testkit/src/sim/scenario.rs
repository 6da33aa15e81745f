//! What is simulated.

use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use tipward_p2p::addr::Address;
use tipward_p2p::pool::PoolConfig;
use tipward_p2p::{Config, ConnKind};
use tipward_primitives::Timestamp;

use super::blocks::{BlockId, Blocks};
use super::link::Line;
use super::peer::{Behaviour, Lie};

/// Something that happens in the world.
#[derive(Clone, Debug)]
pub enum Happening {
    /// Some peers have a new tip, and say so.
    NewTip {
        /// Which peers.
        peers: Vec<usize>,
        /// Their new tip.
        tip: BlockId,
    },
    /// Our user pings everybody.
    PingAll,
}

/// All that a run depends on.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Decides all that is left to chance.
    pub seed: u64,
    /// The blocks of the world.
    pub blocks: Arc<Blocks>,
    /// What the peers are like.
    pub peers: Vec<Behaviour>,
    /// Their tips at the start, peer by peer.
    pub tips: Vec<BlockId>,
    /// What happens, and how long after the start.
    pub happenings: Vec<(Duration, Happening)>,
    /// The tip that our node should end at.
    pub best: BlockId,
    /// The time at the start.
    pub start: Timestamp,
    /// When a run is given up.
    pub time_limit: Duration,
    /// How long a run goes on after the last happening.
    pub linger: Duration,
    /// Bandwidth of our own line in bytes per second.
    pub our_bandwidth: f64,
    /// Speed of our checks in bytes per second.
    pub check_bytes_per_second: f64,
    /// Time that it takes to connect a block, on average.
    pub connect_time: Duration,
    /// Part of the blocks that our disk refuses, 0 to 1.
    pub faults: f64,
    /// Our pool of credits, in bytes.
    pub credit_bytes: u64,
    /// Our widest window, in blocks.
    pub window_blocks: usize,
    /// Blocks in one request.
    pub batch: usize,
    /// Keep the log, for looking into a run.
    pub keep_log: bool,
}

/// Where the peer with this number is.
pub(super) fn address(number: usize) -> Address {
    let [_, _, high, low] = (number as u32).to_be_bytes();
    Address::new(std::net::Ipv4Addr::new(8, high, low, 1), 8333)
}

/// What the chances of a mixed crowd's world are made from: built once, used for many seeds.
#[derive(Clone, Debug)]
pub struct World {
    blocks: Arc<Blocks>,
    /// The chain that most peers have at the start.
    common: BlockId,
    /// A shorter branch that some have.
    stale: BlockId,
    /// Blocks that are found while the run goes on, in order.
    later: Vec<BlockId>,
    /// A branch that overtakes at the end.
    overtaking: BlockId,
    /// Chains with more work than any other, one of whose blocks cannot be connected.
    invalid: [BlockId; 2],
}

impl World {
    /// Mines a chain of `length` blocks with branches.
    pub fn new(length: usize, largest: usize, seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut blocks = Blocks::new();
        let fork = blocks.extend(0, length.saturating_sub(6).max(1), largest, &mut rng);
        let stale = blocks.extend(fork, 3, largest, &mut rng);
        let common = blocks.extend(fork, 6, largest, &mut rng);
        let mut later = Vec::new();
        let mut tip = common;
        for _ in 0..3 {
            tip = blocks.extend(tip, 1, largest, &mut rng);
            later.push(tip);
        }
        let overtaking = blocks.extend(later[0], 4, largest, &mut rng);
        // One breaks a rule where it leaves the others, the other one shortly before it has more work than they have.
        let height = blocks.get(fork).height;
        let middle = blocks.ancestor(fork, height / 2);
        let invalid = [1, height - height / 2 - 2].map(|valid| {
            let last_valid = blocks.extend(middle, valid as usize, largest, &mut rng);
            let bad = blocks.extend(last_valid, 1, largest, &mut rng);
            blocks.spoil(bad);
            let rest = height + 30 - blocks.get(bad).height;
            blocks.extend(bad, rest as usize, largest, &mut rng)
        });
        blocks.require_work_of(fork);
        Self {
            blocks: Arc::new(blocks),
            common,
            stale,
            later,
            overtaking,
            invalid,
        }
    }
}

impl Scenario {
    /// A crowd of every kind of peer.
    pub fn mixed(world: &World, peers: usize, seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed ^ 0x7469_7077_6172_6421);
        let blocks = Arc::clone(&world.blocks);
        let behaviours: Vec<Behaviour> = (0..peers).map(|i| behaviour(i, &mut rng)).collect();
        let tips = behaviours
            .iter()
            .map(|b| {
                if let Some(Lie::InvalidChain(which)) = b.lie {
                    world.invalid[which % world.invalid.len()]
                } else if !b.is_reliable() && rng.random_bool(0.2) {
                    world.stale
                } else {
                    world.common
                }
            })
            .collect();
        let mut happenings = Vec::new();
        let mut at = Duration::from_secs(rng.random_range(5..60));
        let everybody: Vec<usize> = (0..peers).collect();
        let ends_with_reorganization = rng.random_bool(0.5);
        let mut best = world.common;
        for tip in &world.later {
            happenings.push((
                at,
                Happening::NewTip {
                    peers: everybody.clone(),
                    tip: *tip,
                },
            ));
            best = *tip;
            at += Duration::from_secs(rng.random_range(1..60));
        }
        happenings.push((at, Happening::PingAll));
        if ends_with_reorganization {
            happenings.push((
                at,
                Happening::NewTip {
                    peers: everybody,
                    tip: world.overtaking,
                },
            ));
            best = world.overtaking;
        }
        Self {
            seed,
            start: blocks.time_after(best, 3600),
            blocks,
            peers: behaviours,
            tips,
            happenings,
            best,
            time_limit: Duration::from_secs(4 * 3600),
            linger: Duration::from_secs(30),
            our_bandwidth: 10f64.powf(rng.random_range(5.5..8.0)),
            check_bytes_per_second: 10f64.powf(rng.random_range(5.0..8.0)),
            connect_time: Duration::from_micros(10f64.powf(rng.random_range(1.0..5.5)) as u64),
            faults: if rng.random_bool(0.1) { 0.01 } else { 0.0 },
            credit_bytes: 1 << rng.random_range(14..22),
            window_blocks: 1 << rng.random_range(5..12),
            batch: rng.random_range(1..=32),
            keep_log: false,
        }
    }

    pub(super) fn config(&self) -> Config {
        Config {
            // The scenario opens all connections itself.
            pool: PoolConfig {
                connect: Some(Vec::new()),
                ..PoolConfig::default()
            },
            ..Config::default()
        }
    }

    pub(super) fn first_tip(&self, peer: usize) -> BlockId {
        self.tips[peer]
    }

    pub(super) fn largest_block(&self) -> usize {
        self.blocks.largest()
    }
}

/// The first few are honest, so that there is somebody to synchronize from; the others are anything.
fn behaviour(number: usize, rng: &mut ChaCha12Rng) -> Behaviour {
    let honest = number < 4;
    let line = Line {
        bandwidth: 10f64.powf(rng.random_range(if honest { 4.0..7.0 } else { 3.0..8.0 })),
        latency: Duration::from_micros(rng.random_range(200..400_000)),
        loss: if rng.random_bool(0.3) {
            rng.random_range(0.0..0.1)
        } else {
            0.0
        },
    };
    let kind = match rng.random_range(0..10) {
        0 | 1 => ConnKind::Manual,
        2 => ConnKind::BlockRelayOnly,
        3 if !honest => ConnKind::Inbound,
        _ => ConnKind::OutboundFullRelay,
    };
    let mut behaviour = Behaviour {
        line,
        stalls_after: None,
        lie: None,
        churn: None,
        kind,
    };
    if honest {
        return behaviour;
    }
    match rng.random_range(0..10) {
        0 | 1 => behaviour.stalls_after = Some(rng.random_range(0..40)),
        2 | 3 => behaviour.churn = Some(Duration::from_secs(rng.random_range(1..120))),
        4..=6 => {
            behaviour.lie = Some(match rng.random_range(0..7) {
                0 => Lie::BadBodies(rng.random_range(0.0..1.0)),
                1 => Lie::Damaged(rng.random_range(0.0..0.5)),
                2 => Lie::WorthlessHeaders,
                3 => Lie::TornHeaders,
                4 => Lie::CheapHeaders,
                5 => Lie::FalseAnnouncements,
                6 => Lie::InvalidChain(rng.random_range(0..2)),
                _ => Lie::Withholds,
            });
        }
        _ => {}
    }
    behaviour
}
