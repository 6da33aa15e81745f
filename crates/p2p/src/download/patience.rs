//! Noticing who is late, and what follows. See the parent module for the three steps.

use std::time::Duration;

use tipward_primitives::{BlockHash, Height, Timestamp};

use super::{Download, MOST_HOLDERS, Request, State};
use crate::io::PeerId;

/// Something that a look at the clock brought up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A second peer is asked for what a slow one owes.
    Hedge { slow: PeerId, request: Request },
    /// A silent peer's blocks are open again.
    Silent { peer: PeerId, blocks: usize },
    /// A silent peer is to be disconnected.
    Convicted { peer: PeerId, silent: Duration },
    /// A peer never answered what it was asked: the connection is as good as dead, whoever named the peer.
    Unanswered { peer: PeerId },
    /// Blocks were in flight to this peer for far too long.
    TooLong { peer: PeerId },
}

/// How often the clock is looked at while anything is in flight.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Silence of a peer that owes blocks, before its blocks are given to others; doubles after every conviction (as Core's
/// stalling timeout does), and comes back to this as the window moves.
pub(super) const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(64);
/// A verdict that takes longer than this says that we are the slow ones.
const PIPELINE_LAGS: Duration = Duration::from_millis(500);
/// A connection on which requests stay unanswered for this long, with not one byte of a block, is dead. This is not a
/// matter of speed: the slowest of peers sends something within a minute.
const DEAD: Duration = Duration::from_secs(60);
/// The last resort, as in Core: ten minutes, and five for every other peer that is delivering.
const TOO_LONG: Duration = Duration::from_secs(600);
const TOO_LONG_FOR_EACH: Duration = Duration::from_secs(300);

/// First pause after a failure of our own, and the longest.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The stall timeout after the window moved by one block. Core lowers its own by 15 % for a block; here blocks come by
/// the thousand a second, so it is done more gently.
pub(super) fn relaxed(timeout: Duration) -> Duration {
    if timeout <= SHORTEST {
        return SHORTEST;
    }
    (timeout * 95 / 100).max(SHORTEST)
}

impl Download {
    /// When [`Download::check`] is to be called next.
    pub(crate) fn next_check(&self) -> Option<Timestamp> {
        match (self.next_check, self.paused_until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// A mocked clock was moved back to `now`: nothing that lies ahead of it counts.
    pub(crate) fn clock_moved_back(&mut self, now: Timestamp) {
        self.next_check = Some(now);
        self.paused_until = self.paused_until.map(|until| until.min(now));
        self.pipeline_moved = now;
        self.excused = now;
        self.any_progress = now;
        for source in self.sources.values_mut() {
            source.progress = now;
            source.rests_until = source.rests_until.min(now);
        }
    }

    /// Our own disk failed: nothing is asked for until a while has passed. Returns how long.
    pub(crate) fn pause(&mut self, now: Timestamp) -> Duration {
        let pause = self.pause;
        if self.paused_until.is_none_or(|until| until <= now) {
            self.paused_until = Some(now + pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        pause
    }

    /// Looks at the clock.
    pub(crate) fn look(&mut self, now: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.next_check.is_none_or(|at| now < at) {
            return findings;
        }
        self.next_check = self
            .sources
            .values()
            .any(|s| s.unanswered().next().is_some() || s.rests_until > now)
            .then(|| now + CHECK_INTERVAL);
        if self.we_lag(now) {
            self.excused = now;
            return findings;
        }
        self.rested(now);
        self.find_silent(now, &mut findings);
        self.find_late_front(now, &mut findings);
        findings
    }

    /// Our own side is what holds things up.
    fn we_lag(&self, now: Timestamp) -> bool {
        self.paused_until.is_some()
            || self.credits.overdrawn()
            || (self.checking > 0 && now.since(self.pipeline_moved) > PIPELINE_LAGS)
    }

    /// Peers that were left alone for a while may be asked again.
    fn rested(&mut self, now: Timestamp) {
        let rested: Vec<PeerId> = self
            .sources
            .iter()
            .filter(|(_, s)| {
                !s.queued
                    && !s.parked
                    && s.in_flight() == 0
                    && s.rests_until <= now
                    && s.usable(now)
            })
            .map(|(peer, _)| *peer)
            .collect();
        for peer in rested {
            self.enqueue(peer);
        }
    }

    fn find_silent(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        let excused = self.excused;
        let others = self
            .sources
            .values()
            .filter(|s| s.in_flight() > 0)
            .count()
            .saturating_sub(1);
        let too_long = TOO_LONG + TOO_LONG_FOR_EACH * others as u32;
        let mut silent = Vec::new();
        for (&peer, source) in &self.sources {
            let Some(oldest) = source.unanswered().next() else {
                continue;
            };
            if !source.reading {
                continue;
            }
            let silence = now.since(source.progress.max(oldest.at).max(excused));
            if !source.manual && now.since(oldest.at.max(excused)) > too_long {
                findings.push(Finding::TooLong { peer });
                continue;
            }
            let patience = self.stall_timeout.max(source.speed.latency() * 4);
            if silence > patience {
                silent.push((peer, silence, patience));
            }
        }
        for (peer, silence, patience) in silent {
            // If nobody speaks, it is more likely our own link that is silent, and nobody is better than this peer.
            let others_speak = self.any_progress > now - silence;
            let stalled = match self.sources.get(&peer) {
                Some(source) => source.stalled,
                None => continue,
            };
            let Some(since) = stalled else {
                if others_speak || self.somebody_free(now, peer) {
                    let blocks = self.give_to_others(now, peer);
                    if let Some(source) = self.sources.get_mut(&peer) {
                        source.stalled = Some(now);
                    }
                    findings.push(Finding::Silent { peer, blocks });
                } else if silence > DEAD {
                    // Nobody else to ask: ask again, in case the request was lost.
                    let blocks = self.give_to_others(now, peer);
                    self.progress(now, peer);
                    self.enqueue(peer);
                    findings.push(Finding::Silent { peer, blocks });
                }
                continue;
            };
            let manual = self.sources.get(&peer).is_some_and(|s| s.manual);
            if !others_speak {
                continue;
            }
            if !manual && now.since(since) > patience {
                self.stall_timeout = (self.stall_timeout * 2).min(LONGEST);
                findings.push(Finding::Convicted {
                    peer,
                    silent: silence,
                });
            } else if manual && silence > DEAD {
                findings.push(Finding::Unanswered { peer });
            }
        }
    }

    fn give_to_others(&mut self, now: Timestamp, peer: PeerId) -> usize {
        let owed: Vec<u64> = match self.sources.get(&peer) {
            Some(source) => source.waiting().map(|(seq, _)| seq).collect(),
            None => return 0,
        };
        for seq in &owed {
            self.give_up(now, peer, *seq);
        }
        owed.len()
    }

    /// Somebody else has nothing to do and could take over.
    fn somebody_free(&self, now: Timestamp, not: PeerId) -> bool {
        self.sources.iter().any(|(peer, s)| {
            *peer != not && s.usable(now) && s.in_flight() == 0 && s.has(self.base)
        })
    }

    /// Hedges the window's front, and what follows it of the same peer, if somebody else will clearly be faster.
    fn find_late_front(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some((_, first)) = self.front_owed() else {
            return;
        };
        let slow = first;
        let blocked = self.open.is_empty();
        let Some((fast, bytes)) = self.fastest_for_front(now) else {
            return;
        };
        let mut blocks: Vec<(Height, BlockHash)> = Vec::new();
        for offset in 0..self.limits.batch.max(1) {
            let height = self.base + offset as Height;
            let Some(hash) = self.at(height) else { break };
            let Some(wanted) = self.blocks.get(&hash) else {
                break;
            };
            if matches!(wanted.state, State::Stored | State::Checking { .. }) {
                continue;
            }
            let by_slow_only = wanted.state == State::Asked
                && wanted.holders.len() < MOST_HOLDERS
                && wanted.holders.iter().any(|(p, _)| *p == slow)
                && wanted.holders.iter().all(|(p, _)| *p != fast);
            if !by_slow_only || !self.worth_hedging(now, height, &hash, fast, blocked) {
                break;
            }
            if !self.credits.idle() && self.credits.free() < bytes {
                break;
            }
            self.ask(now, fast, height, hash);
            blocks.push((height, hash));
        }
        if !blocks.is_empty() {
            findings.push(Finding::Hedge {
                slow,
                request: Request { peer: fast, blocks },
            });
        }
    }

    /// The first block of the window that is owed, if nothing of ours stands before it, and its first holder.
    fn front_owed(&self) -> Option<(BlockHash, PeerId)> {
        let hash = *self.window.front()?;
        let wanted = self.blocks.get(&hash)?;
        if wanted.state != State::Asked || wanted.holders.len() >= MOST_HOLDERS {
            return None;
        }
        wanted.holders.first().map(|(peer, _)| (hash, *peer))
    }

    /// Who would be first with the block at the front, and the bytes to reckon with for it.
    fn fastest_for_front(&self, now: Timestamp) -> Option<(PeerId, u64)> {
        let hash = self.window.front()?;
        let holders = &self.blocks.get(hash)?.holders;
        self.sources
            .iter()
            .filter(|(peer, s)| {
                s.usable(now) && s.has(self.base) && holders.iter().all(|(p, _)| p != *peer)
            })
            .map(|(peer, s)| (s, *peer, s.block_size(&self.size)))
            .min_by_key(|(s, peer, bytes)| (s.time_for_another(now, *bytes), *peer))
            .map(|(_, peer, bytes)| (peer, bytes))
    }

    /// Every holder is late, or the block holds all others up and the other peer will clearly be faster.
    fn worth_hedging(
        &self,
        now: Timestamp,
        height: Height,
        hash: &BlockHash,
        fast: PeerId,
        blocked: bool,
    ) -> bool {
        let (Some(wanted), Some(other)) = (self.blocks.get(hash), self.sources.get(&fast)) else {
            return false;
        };
        if !other.has(height) {
            return false;
        }
        let by_other = other.time_for_another(now, other.block_size(&self.size));
        wanted.holders.iter().all(|(peer, _)| {
            let Some(source) = self.sources.get(peer) else {
                return true;
            };
            let Some((asked, remaining)) = source.time_left(now, hash) else {
                return true;
            };
            let late = now > asked.due && now.since(self.excused) > Duration::from_secs(1);
            // A peer that leaves one block out never seems to be far from it.
            let passed_over = now.since(asked.due) > asked.due.since(asked.at);
            (late && (remaining > by_other || passed_over))
                || (blocked
                    && source.speed.rate().is_some()
                    && remaining > by_other * 2 + Duration::from_secs(1))
        })
    }
}
