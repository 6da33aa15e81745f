use tipward_chain::ChainView;
use tipward_primitives::{Network, Params, Work};

/// What is known of a network's transactions: the figures of Core's `chainparams.cpp` of early 2026.
struct TransactionRate {
    /// When the figures were taken, in seconds since the Unix epoch.
    at: i64,
    /// Transactions in the chain then.
    count: u64,
    /// Transactions a second since, about.
    per_second: f64,
}

/// Within this many seconds of now, a block's own time says less than the number of headers after it.
const RECENT: u64 = 2 * 60 * 60;

/// The share of all transactions that the active chain has behind it, from 0 to 1: those in the chain, of those that
/// there should be by now, in seconds since the Unix epoch.
pub(super) fn estimate(view: &ChainView, now: u64) -> f64 {
    let tip = view.tip();
    let Some(done) = view.chain_transactions(tip) else {
        return 0.0;
    };
    let rate = TransactionRate::of(view.params());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let total = if done <= rate.count {
        rate.count as f64 + now.saturating_sub(rate.at) as f64 * rate.per_second
    } else {
        let time = i64::from(view.entry(tip).time());
        let behind = view
            .height(view.best_header())
            .checked_sub(view.height(tip));
        let age = match behind {
            Some(behind) if now.abs_diff(time) <= RECENT => {
                i64::from(behind) * i64::from(view.params().pow_target_spacing)
            }
            _ => now.saturating_sub(time),
        };
        done as f64 + age as f64 * rate.per_second
    };
    // A clock far in the past can make the total less than what is done, even negative.
    if total <= 0.0 {
        return 1.0;
    }
    (done as f64 / total).min(1.0)
}

impl TransactionRate {
    fn of(params: &Params) -> Self {
        let (at, count, per_second) = match params.network {
            Network::Bitcoin => (1_772_055_173, 1_315_805_869, 5.401_110_064_961_22),
            Network::Testnet => (1_772_051_651, 536_108_416, 0.026_914_790_162_571_17),
            Network::Testnet4 => (1_772_013_387, 14_191_421, 0.018_485_795_795_280_41),
            // Only the public signet has a minimum of work; of a user's own one nothing is known.
            Network::Signet if params.minimum_chain_work > Work::from_be_bytes([0; 32]) => {
                (1_772_055_248, 28_676_833, 0.067_366_234_363_389_29)
            }
            Network::Regtest => (0, 0, 0.001),
            _ => (0, 0, 0.0),
        };
        Self {
            at,
            count,
            per_second,
        }
    }
}
