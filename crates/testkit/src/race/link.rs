//! Lines as fluids: every peer sends what it was asked for, in order, at its share of what our own line carries.

use std::collections::VecDeque;
use std::time::Duration;

use tipward_primitives::Timestamp;

use super::policy::Ask;

/// Less than a byte is left: done.
const NOTHING: f64 = 0.5;

/// What one peer sends.
#[derive(Debug)]
struct Flow {
    /// Bytes a second that its line carries at most.
    most: f64,
    /// Bytes a second that it carries now.
    rate: f64,
    /// What was asked, and how much of it has not been sent yet.
    queue: VecDeque<(Ask, f64)>,
    /// Bytes of the first that were sent since they were last told of.
    part: f64,
    reading: bool,
}

impl Flow {
    fn sends(&self) -> bool {
        self.reading && !self.queue.is_empty()
    }
}

/// Our own line and everybody's on it.
#[derive(Debug)]
pub(super) struct Link {
    own: f64,
    flows: Vec<Flow>,
    /// The flows, slowest line first.
    order: Vec<usize>,
    /// Everything before this time has flown.
    now: Timestamp,
    shared: bool,
}

impl Link {
    /// Our own line carries so many bytes a second; there are so many places for peers.
    pub(super) fn new(own: f64, places: usize, now: Timestamp) -> Self {
        let flow = || Flow {
            most: 1.0,
            rate: 0.0,
            queue: VecDeque::new(),
            part: 0.0,
            reading: true,
        };
        Self {
            own,
            flows: (0..places).map(|_| flow()).collect(),
            order: (0..places).collect(),
            now,
            shared: false,
        }
    }

    /// A new peer at a place.
    pub(super) fn reset(&mut self, now: Timestamp, place: usize, most: f64) {
        self.flow_on(now);
        let flow = &mut self.flows[place];
        flow.most = most;
        flow.queue.clear();
        flow.part = 0.0;
        flow.reading = true;
        self.order
            .sort_by(|a, b| self.flows[*a].most.total_cmp(&self.flows[*b].most));
        self.shared = false;
    }

    /// A peer will send an answer of so many bytes.
    pub(super) fn push(&mut self, now: Timestamp, place: usize, ask: Ask, bytes: u64) {
        self.flow_on(now);
        let flow = &mut self.flows[place];
        self.shared &= !flow.queue.is_empty();
        flow.queue.push_back((ask, bytes as f64));
    }

    /// We read from a peer, or do not.
    pub(super) fn set_reading(&mut self, now: Timestamp, place: usize, reading: bool) {
        self.flow_on(now);
        self.flows[place].reading = reading;
        self.shared = false;
    }

    /// When the next answer will have been sent, if any is on its way.
    pub(super) fn next(&mut self) -> Option<Timestamp> {
        self.share();
        let soonest = self
            .flows
            .iter()
            .filter(|flow| flow.sends())
            .map(|flow| (flow.queue[0].1 - NOTHING).max(0.0) / flow.rate)
            .min_by(f64::total_cmp)?;
        Some(self.now + Duration::from_micros((soonest.min(1e9) * 1e6).ceil() as u64))
    }

    /// Answers that have been sent by now, with the places of those who sent them.
    pub(super) fn done(&mut self, now: Timestamp, done: &mut Vec<(usize, Ask)>) {
        self.flow_on(now);
        for (place, flow) in self.flows.iter_mut().enumerate() {
            while flow.reading && flow.queue.front().is_some_and(|(_, left)| *left <= NOTHING) {
                if let Some((ask, over)) = flow.queue.pop_front() {
                    // What was too much for the first is the next one's.
                    flow.part = 0.0;
                    if let Some(next) = flow.queue.front_mut() {
                        next.1 += over;
                        flow.part = -over;
                    }
                    done.push((place, ask));
                }
                self.shared &= !flow.queue.is_empty();
            }
        }
    }

    /// Parts of unfinished answers that were not told of.
    pub(super) fn parts(&mut self, now: Timestamp) -> impl Iterator<Item = (usize, u64)> {
        self.flow_on(now);
        self.flows
            .iter_mut()
            .enumerate()
            .filter_map(|(place, flow)| {
                let part = std::mem::take(&mut flow.part);
                (part >= 1.0).then_some((place, part as u64))
            })
    }

    fn flow_on(&mut self, now: Timestamp) {
        let takes = now.since(self.now).as_secs_f64();
        if takes <= 0.0 {
            return;
        }
        self.share();
        self.now = now;
        for flow in self.flows.iter_mut().filter(|flow| flow.sends()) {
            let bytes = flow.rate * takes;
            flow.queue[0].1 -= bytes;
            flow.part += bytes;
        }
    }

    /// Max-min fair: nobody can have more without somebody who has less losing some.
    fn share(&mut self) {
        if self.shared {
            return;
        }
        self.shared = true;
        let mut left = self.own;
        let mut senders = self.flows.iter().filter(|flow| flow.sends()).count();
        for place in &self.order {
            let flow = &mut self.flows[*place];
            if flow.sends() {
                flow.rate = flow.most.min(left / senders as f64);
                left -= flow.rate;
                senders -= 1;
            }
        }
    }
}
