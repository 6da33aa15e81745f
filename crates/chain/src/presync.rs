//! How a chain of headers proves its work before it may take memory.
//!
//! # The problem
//!
//! A node that comes to the network knows the genesis block and nothing else. Peers send it headers, 2000 at a time, and
//! only when the last of them is in does it know how much work their chain has. If it keeps headers as they come, each
//! costs it about 170 bytes of memory and 80 on disk, for ever.
//!
//! # The attack
//!
//! The first blocks of Bitcoin were mined on home computers. Today one machine can make headers of that difficulty by the
//! million: a chain (or thousands of forks) that starts at the genesis block, keeps every rule, and never gets anywhere.
//! Whoever stores it as it comes runs out of memory. Checkpoints once stood against this; what stands against it here
//! needs no trusted hash, only a figure that is safe to be too low: the work that the real chain is known to have had
//! when this version was made ([`Params::minimum_chain_work`]), and, once there is a tip, what our own chain had a day
//! before it ([`ChainView::work_threshold`]). A chain with less is not worth keeping, so a chain has to show that much
//! first.
//!
//! # Two downloads
//!
//! Headers are small and bandwidth is cheap, so the peer has to send them twice.
//!
//! 1. **Presync.** Each header's proof of work is checked (by the caller, see [`check_headers`](crate::check_headers)), and
//!    that its claim may follow its parent's. The work is summed up and the header forgotten. When the sum reaches the
//!    threshold, the second phase begins; if the peer has no more headers before that, its chain is not interesting.
//! 2. **Redownload.** The peer sends the same headers again, from where its chain leaves ours. Now they are let through,
//!    to be judged by every rule and kept.
//!
//! ```text
//!   a message below the threshold            work >= threshold                work >= threshold again
//!  ────────────────────────────▶ Presync ────────────────────▶ Redownload ────────────────────────▶ done: Complete
//!                                   │                              │
//!                                   ├─▶ done: TooLittleWork        ├─▶ done: StoppedShort
//!                                   └─▶ done: Failed(..)           └─▶ done: Failed(..)
//! ```
//!
//! # The catch, and commitments
//!
//! A peer could show the real chain first (everybody has it) and send its own worthless one the second time. So the first
//! phase has to remember something of what it saw, but not much: for one header in every
//! [`commitment_period`](HeaderSyncParams::commitment_period) it keeps **one bit** of a hash of the header's hash, keyed
//! with a secret. Which header of each period it is, is secret too. In the second phase these bits must come out the same.
//!
//! One bit is right by chance half of the time. Therefore a header is not let through when it comes, but held back until
//! [`redownload_buffer_size`](HeaderSyncParams::redownload_buffer_size) more have followed it; on mainnet that is 15,218,
//! with 23 bits to be met. To get one period's worth of false headers through, an attacker has to guess 23 bits, and each
//! try costs it the proof of work of 15,000 headers: the parameters are chosen such that making us keep false headers is
//! far more expensive than what our memory is worth. A wrong guess ends the sync, and a new one has new secrets.
//!
//! When the redownloaded headers alone reach the threshold, there is nothing left to prove, and all are let through.
//!
//! # Difficulty
//!
//! Luck grows with the size of the prize: someone with little hash power is more likely to find *one* header of enormous
//! difficulty than a chain of the same work. So claims may only change where and as much as the difficulty rules permit
//! between any two neighbours ([`permitted_difficulty_transition`]): by a factor of four, at the end of a period.
//!
//! # Bounds
//!
//! What a peer can make us hold, asserted after every message ([`Presync::memory_bound`]):
//!
//! - *Commitments.* No honest chain is longer than six blocks a second since the time of the block it starts from, which
//!   is as fast as the median time past lets the clock of a chain go. A peer that sends more is given up. From mainnet's
//!   genesis block to 2026 that makes 5.3 million bits: 650 KiB.
//! - *Buffer.* `redownload_buffer_size` headers of 48 bytes and one more: 714 KiB on mainnet.
//!
//! Both may take up to twice that while they grow. Time is bounded by the same: each message costs a hash and a few
//! comparisons per header, and a chain that does not reach the threshold ends after as many headers as there can be
//! commitments.

mod buffer;
mod commitments;

use std::hash::Hasher as _;
use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use siphasher::sip::SipHasher24;
use tipward_consensus::header::{MAX_FUTURE_BLOCK_TIME, permitted_difficulty_transition};
use tipward_primitives::{
    BlockHash, CompactTarget, Header, HeaderSyncParams, Height, Params, Timestamp, Work,
};

use self::buffer::{Buffer, COMPRESSED_SIZE};
use self::commitments::Commitments;
use crate::work;
use crate::{ChainView, HeaderId};

/// The most blocks a second that a chain can have for long: the median of eleven times must grow by at least a second,
/// and six blocks can move it.
const MAX_BLOCKS_PER_SECOND: u64 = 6;

/// The proof of one peer's chain: see the [module's page](self).
///
/// It is made for one peer and one chain, and is of no more use once [`Outcome::end`] is there.
#[derive(Clone, Debug)]
pub struct Presync {
    params: Arc<Params>,
    /// Work that the chain must have.
    minimum_work: Work,
    start: Start,
    /// The key of the commitments' hash.
    key: [u8; 16],
    /// Commitments are made at the heights with this remainder after division by the period.
    offset: u32,
    max_commitments: u64,
    phase: Phase,
}

/// The last header that both the peer's chain and our tree have, as far as is known.
#[derive(Clone, Debug)]
struct Start {
    hash: BlockHash,
    bits: CompactTarget,
    height: Height,
    chainwork: Work,
    locator: Vec<BlockHash>,
}

/// How far it got.
#[derive(Clone, Debug)]
enum Phase {
    Presync(Progress, Commitments),
    Redownload(Progress, Commitments, Buffer),
    Done,
}

/// The last header of the present download.
#[derive(Clone, Debug)]
struct Progress {
    hash: BlockHash,
    bits: CompactTarget,
    time: u32,
    height: Height,
    /// Work of this header alone, because its neighbours mostly have the same.
    own_work: Work,
    chainwork: Work,
}

/// What came of a message of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Headers that have proved their work, to be judged by the rules and put into the tree, parents first.
    pub accepted: Vec<Header>,
    /// Ask the peer for more headers, with this locator.
    pub request_more: Option<Vec<BlockHash>>,
    /// It is over.
    pub end: Option<End>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The chain has enough work, and all of it that was sent is accepted. If the message was full, there may be more to ask
    /// for in the ordinary way.
    Complete,
    /// The chain ended below the threshold. That is no offence: a peer may be behind.
    TooLittleWork,
    /// The peer does not send again what it sent before; it may have gone over to another chain.
    StoppedShort,
    /// The headers are not those of the chain that the peer began with, or of no possible chain. Nothing of the message is
    /// accepted; the caller treats it as if there had been no presync (it may be an announcement of something else).
    Failed(Failure),
}

/// Why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A header does not build on the one before.
    #[error("non-continuous headers")]
    NotContinuous,
    /// A header claims a target that cannot follow that of the one before.
    #[error("invalid difficulty transition")]
    DifficultyTransition,
    /// More headers than an honest chain can have by now.
    #[error("exceeded max commitments")]
    TooLong,
    /// The second download is not the same chain as the first.
    #[error("commitment mismatch")]
    CommitmentMismatch,
    /// The second download is longer than the first and has less work.
    #[error("commitment overrun")]
    CommitmentOverrun,
}

/// Name of the phase that a [`Presync`] is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresyncPhase {
    /// The first download.
    Presync,
    /// The second one.
    Redownload,
    /// It is over.
    Done,
}

impl Presync {
    /// Begins the proof of a chain that leaves our tree at `start`. `secret` must be random and used for nothing else.
    ///
    /// `now` bounds how long the chain can be.
    pub fn new(view: &ChainView, start: HeaderId, now: Timestamp, secret: u128) -> Self {
        let key = secret.to_le_bytes();
        let period = period(&view.params().header_sync);
        let entry = view.entry(start);
        let start_time = Timestamp::from_secs(u64::from(view.median_time_past(start)));
        let seconds = now
            .since(start_time)
            .as_secs()
            .saturating_add(MAX_FUTURE_BLOCK_TIME);
        let mut presync = Self {
            params: Arc::clone(view.params()),
            minimum_work: view.work_threshold(),
            start: Start {
                hash: entry.hash(),
                bits: entry.bits(),
                height: entry.height(),
                chainwork: entry.chainwork(),
                locator: view.locator(start),
            },
            key,
            // One more use of the key, with an input that no block hash is.
            offset: u32::try_from(keyed_hash(&key, b"offset") % u64::from(period)).unwrap_or(0),
            max_commitments: seconds.saturating_mul(MAX_BLOCKS_PER_SECOND) / u64::from(period),
            phase: Phase::Done,
        };
        presync.phase = Phase::Presync(presync.at_start(), Commitments::default());
        presync
    }

    /// Takes the next message of headers, whose own proof of work was checked. `full` says that it held as many as a
    /// message can, so that there may be more.
    pub fn process(&mut self, headers: &[Header], full: bool) -> Outcome {
        let outcome = match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Presync(progress, commitments) => {
                self.presync(progress, commitments, headers, full)
            }
            Phase::Redownload(progress, commitments, buffer) => {
                self.redownload(progress, commitments, buffer, headers, full)
            }
            Phase::Done => Err(Failure::NotContinuous),
        };
        debug_assert!(self.memory() <= self.memory_bound());
        outcome.unwrap_or_else(|failure| Outcome {
            end: Some(End::Failed(failure)),
            ..Outcome::default()
        })
    }

    /// Which phase it is in.
    pub fn phase(&self) -> PresyncPhase {
        match self.phase {
            Phase::Presync(..) => PresyncPhase::Presync,
            Phase::Redownload(..) => PresyncPhase::Redownload,
            Phase::Done => PresyncPhase::Done,
        }
    }

    /// Height of the last header of the present download; `None` when it is over.
    pub fn height(&self) -> Option<Height> {
        self.progress().map(|progress| progress.height)
    }

    /// Time of that header, in seconds; before the first one, zero.
    pub fn time(&self) -> Option<u32> {
        self.progress().map(|progress| progress.time)
    }

    /// Work of the chain up to that header.
    pub fn chainwork(&self) -> Option<Work> {
        self.progress().map(|progress| progress.chainwork)
    }

    /// Work that the chain must have.
    pub fn minimum_work(&self) -> Work {
        self.minimum_work
    }

    /// Bytes allocated for what the peer sent.
    pub fn memory(&self) -> usize {
        match &self.phase {
            Phase::Presync(_, commitments) => commitments.memory(),
            Phase::Redownload(_, commitments, buffer) => commitments.memory() + buffer.memory(),
            Phase::Done => 0,
        }
    }

    /// The most that [`Presync::memory`] can ever be.
    pub fn memory_bound(&self) -> usize {
        let words = usize::try_from(self.max_commitments / 64).unwrap_or(usize::MAX);
        let commitments = words.saturating_add(1).saturating_mul(size_of::<u64>());
        let buffer = (self
            .params
            .header_sync
            .redownload_buffer_size
            .saturating_add(1))
        .saturating_mul(COMPRESSED_SIZE);
        // A growing vector doubles, and starts with room for four.
        commitments
            .saturating_add(buffer)
            .saturating_mul(2)
            .saturating_add(4 * (size_of::<u64>() + COMPRESSED_SIZE))
    }

    fn presync(
        &mut self,
        mut last: Progress,
        mut commitments: Commitments,
        headers: &[Header],
        full: bool,
    ) -> Result<Outcome, Failure> {
        for header in headers {
            last = self.step(&last, header)?;
            if self.is_committed(last.height) {
                commitments.push(self.commitment(&last.hash));
                if commitments.len() > self.max_commitments {
                    return Err(Failure::TooLong);
                }
            }
        }
        if last.chainwork >= self.minimum_work {
            let start = self.at_start();
            let locator = self.locator(start.hash);
            let buffer = Buffer::after(start.hash);
            self.phase = Phase::Redownload(start, commitments, buffer);
            Ok(Outcome::more(Vec::new(), locator))
        } else if full {
            let locator = self.locator(last.hash);
            self.phase = Phase::Presync(last, commitments);
            Ok(Outcome::more(Vec::new(), locator))
        } else {
            Ok(Outcome::end(Vec::new(), End::TooLittleWork))
        }
    }

    fn redownload(
        &mut self,
        mut last: Progress,
        mut commitments: Commitments,
        mut buffer: Buffer,
        headers: &[Header],
        full: bool,
    ) -> Result<Outcome, Failure> {
        let mut accepted = Vec::new();
        for header in headers {
            last = self.step(&last, header)?;
            // Once there is enough work, nothing is left to prove. The chain may also have grown since the first download.
            if !self.has_enough(&last) && self.is_committed(last.height) {
                let expected = commitments.take().ok_or(Failure::CommitmentOverrun)?;
                if self.commitment(&last.hash) != expected {
                    return Err(Failure::CommitmentMismatch);
                }
            }
            buffer.push(header, last.hash);
            if buffer.len() > self.params.header_sync.redownload_buffer_size {
                accepted.extend(buffer.pop());
            }
        }
        if self.has_enough(&last) {
            accepted.extend(std::iter::from_fn(|| buffer.pop()));
            Ok(Outcome::end(accepted, End::Complete))
        } else if full {
            let locator = self.locator(buffer.last_hash());
            self.phase = Phase::Redownload(last, commitments, buffer);
            Ok(Outcome::more(accepted, locator))
        } else {
            Ok(Outcome::end(accepted, End::StoppedShort))
        }
    }

    /// Takes a header as the next one of the chain.
    fn step(&self, last: &Progress, header: &Header) -> Result<Progress, Failure> {
        if header.prev_blockhash != last.hash {
            return Err(Failure::NotContinuous);
        }
        let height = last.height.checked_add(1).ok_or(Failure::TooLong)?;
        if !permitted_difficulty_transition(&self.params, height, last.bits, header.bits) {
            return Err(Failure::DifficultyTransition);
        }
        let own_work = if header.bits == last.bits {
            last.own_work
        } else {
            work::of_bits(header.bits)
        };
        Ok(Progress {
            hash: header.block_hash(),
            bits: header.bits,
            time: header.time,
            height,
            own_work,
            chainwork: work::add(last.chainwork, own_work),
        })
    }

    fn has_enough(&self, last: &Progress) -> bool {
        last.chainwork >= self.minimum_work
    }

    fn is_committed(&self, height: Height) -> bool {
        height % period(&self.params.header_sync) == self.offset
    }

    fn commitment(&self, hash: &BlockHash) -> bool {
        keyed_hash(&self.key, hash.as_byte_array()) & 1 == 1
    }

    fn locator(&self, last: BlockHash) -> Vec<BlockHash> {
        std::iter::once(last)
            .chain(self.start.locator.iter().copied())
            .collect()
    }

    fn at_start(&self) -> Progress {
        Progress {
            hash: self.start.hash,
            bits: self.start.bits,
            time: 0,
            height: self.start.height,
            own_work: work::of_bits(self.start.bits),
            chainwork: self.start.chainwork,
        }
    }

    fn progress(&self) -> Option<&Progress> {
        match &self.phase {
            Phase::Presync(progress, ..) | Phase::Redownload(progress, ..) => Some(progress),
            Phase::Done => None,
        }
    }
}

impl Outcome {
    fn more(accepted: Vec<Header>, locator: Vec<BlockHash>) -> Self {
        Self {
            accepted,
            request_more: Some(locator),
            end: None,
        }
    }

    fn end(accepted: Vec<Header>, end: End) -> Self {
        Self {
            accepted,
            request_more: None,
            end: Some(end),
        }
    }
}

/// The commitment period; never zero, so that it can be divided by.
fn period(params: &HeaderSyncParams) -> u32 {
    u32::try_from(params.commitment_period)
        .unwrap_or(u32::MAX)
        .max(1)
}

fn keyed_hash(key: &[u8; 16], bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests;
