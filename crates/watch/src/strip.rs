//! The download window as a strip of cells: so many that a peer which holds everything up is seen at a glance, and so few
//! that they fit on a screen.
//!
//! A cell stands for one block or for a run of them, the same number in every cell, and says how many of its blocks are in
//! which state. Cells begin at multiples of their width, so that a block stays in its cell while the window slides.

use serde::{Deserialize, Serialize};

/// Cells of a strip at most.
pub const MOST_CELLS: u32 = 384;
/// Blocks that a strip shows at least, if the chain has so many: of a chain that is synced, the last ones.
const FEWEST_BLOCKS: u32 = 96;

/// What is known of the blocks around the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Height up to which blocks are verified.
    pub verified: u32,
    /// Height up to which blocks are connected.
    pub connected: u32,
    /// Height of the window's first block: every one before it is stored.
    pub front: u32,
    /// Blocks of the window. Those that are in none of the lists below are stored.
    pub blocks: u32,
    /// Runs of blocks that nobody was asked for, first and last height.
    pub open: Vec<(u32, u32)>,
    /// Blocks that were asked for.
    pub in_flight: Vec<InFlight>,
    /// Blocks that came and are not stored.
    pub received: Vec<u32>,
}

/// A block that was asked for. Of several requests for one block each is listed, the first one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Its height.
    pub height: u32,
    /// Of whom.
    pub peer: u64,
    /// Milliseconds since it was asked for.
    pub waited: u64,
    /// It should have come by now.
    pub late: bool,
}

/// The strip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Strip {
    /// Height of the first block of the first cell.
    pub first: u32,
    /// Height of the last block.
    pub last: u32,
    /// Blocks in a cell.
    pub per_cell: u32,
    /// Stored blocks before the strip that are not validated, and too many to be shown.
    pub left_out: u32,
    /// Height of the window's first block, and how many it has.
    pub window: (u32, u32),
    /// Blocks of the strip in each state, as in [`Cell::counts`].
    pub counts: [u32; 6],
    /// The block at the window's front, if somebody owes it.
    pub front: Option<Front>,
    /// In the order of heights.
    pub cells: Vec<Cell>,
}

/// Who holds the window's front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// Height of the block.
    pub height: u32,
    /// Who was asked first.
    pub peer: u64,
    /// Milliseconds since then.
    pub waited: u64,
    /// It should have come by now.
    pub late: bool,
}

/// One cell: how many of its blocks are verified, connected, stored, received, in flight, wanted; the peer that owes most
/// of those in flight; and whether any of them is late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell(pub [u32; 6], pub Option<u64>, pub bool);

/// The states of a block, in the order of [`Cell`].
pub const STATES: [&str; 6] = [
    "verified",
    "connected",
    "stored",
    "received",
    "in flight",
    "wanted",
];

const VERIFIED: usize = 0;
const CONNECTED: usize = 1;
const STORED: usize = 2;
const RECEIVED: usize = 3;
const IN_FLIGHT: usize = 4;
const WANTED: usize = 5;

impl Cell {
    /// Blocks of the cell in each of the [`STATES`].
    pub fn counts(&self) -> [u32; 6] {
        self.0
    }

    /// The peer that owes most of the blocks in flight.
    pub fn peer(&self) -> Option<u64> {
        self.1
    }

    /// A block in flight should have come by now.
    pub fn is_late(&self) -> bool {
        self.2
    }

    /// The state that most of its blocks are in; of equals the least advanced.
    pub fn mostly(&self) -> usize {
        (0..6).max_by_key(|state| self.0[*state]).unwrap_or(WANTED)
    }
}

impl Strip {
    /// Draws a strip.
    pub fn of(shape: &Shape) -> Self {
        // The window's end, or the last block of a chain that has no window.
        let last = match shape.blocks {
            0 => shape.front.saturating_sub(1).max(shape.connected),
            blocks => shape.front.saturating_add(blocks - 1),
        };
        let waiting = shape.verified.saturating_add(1).min(shape.front);
        // Of what waits for validation no more is shown than would leave the window half of the strip.
        let room = shape.blocks.max(FEWEST_BLOCKS);
        let from = waiting.max(shape.front.saturating_sub(room));
        // And a little of what is done.
        let done = ((last.saturating_sub(from) + 1) / 12).max(1);
        let from = from
            .saturating_sub(done)
            .min(last.saturating_sub(FEWEST_BLOCKS - 1));
        let mut per_cell = (last - from + 1).div_ceil(MOST_CELLS);
        // Cells begin at multiples of their width, which may add one.
        while last / per_cell - from / per_cell + 1 > MOST_CELLS {
            per_cell += 1;
        }
        let first = from / per_cell * per_cell;
        let mut strip = Self {
            first,
            last,
            per_cell,
            left_out: first.saturating_sub(waiting),
            window: (shape.front, shape.blocks),
            cells: vec![Cell::default(); (last / per_cell - first / per_cell + 1) as usize],
            ..Self::default()
        };
        strip.fill(shape);
        strip.front = shape
            .in_flight
            .iter()
            .find(|asked| asked.height == shape.front)
            .map(|asked| Front {
                height: asked.height,
                peer: asked.peer,
                waited: asked.waited,
                late: asked.late,
            });
        for cell in &strip.cells {
            for (sum, count) in strip.counts.iter_mut().zip(cell.0) {
                *sum += count;
            }
        }
        strip
    }

    fn fill(&mut self, shape: &Shape) {
        self.each(self.first, self.last, |cell, blocks| {
            cell.0[STORED] += blocks;
        });
        self.turn(self.first, shape.connected, STORED, CONNECTED);
        self.turn(self.first, shape.verified, CONNECTED, VERIFIED);
        for (from, to) in &shape.open {
            self.turn(*from, *to, STORED, WANTED);
        }
        for height in &shape.received {
            self.turn(*height, *height, STORED, RECEIVED);
        }
        let mut owed = vec![Vec::new(); self.cells.len()];
        let mut before = None;
        let mut in_flight = shape.in_flight.clone();
        in_flight.sort_by_key(|asked| asked.height);
        for asked in &in_flight {
            let Some(at) = self.cell_of(asked.height) else {
                continue;
            };
            self.cells[at].2 |= asked.late;
            owed[at].push(asked.peer);
            if before.replace(asked.height) != Some(asked.height) {
                self.turn(asked.height, asked.height, STORED, IN_FLIGHT);
            }
        }
        for (cell, owed) in self.cells.iter_mut().zip(&mut owed) {
            cell.1 = most_frequent(owed);
        }
    }

    fn cell_of(&self, height: u32) -> Option<usize> {
        let within = self.first <= height && height <= self.last;
        within.then(|| ((height - self.first) / self.per_cell) as usize)
    }

    /// Moves the blocks of a run from one state to another, as far as they are in it.
    fn turn(&mut self, from: u32, to: u32, old: usize, new: usize) {
        self.each(from, to, |cell, blocks| {
            let blocks = blocks.min(cell.0[old]);
            cell.0[old] -= blocks;
            cell.0[new] += blocks;
        });
    }

    /// Calls `change` for each cell of a run, with the number of the run's blocks in it.
    fn each(&mut self, from: u32, to: u32, mut change: impl FnMut(&mut Cell, u32)) {
        let (mut from, to) = (from.max(self.first), to.min(self.last));
        while from <= to {
            let at = (from - self.first) / self.per_cell;
            let end = (self.first + (at + 1) * self.per_cell - 1).min(to);
            change(&mut self.cells[at as usize], end - from + 1);
            from = end + 1;
        }
    }
}

fn most_frequent(peers: &mut [u64]) -> Option<u64> {
    peers.sort_unstable();
    peers
        .chunk_by(|a, b| a == b)
        .max_by_key(|run| run.len())
        .and_then(|run| run.first().copied())
}

#[cfg(test)]
mod tests;
