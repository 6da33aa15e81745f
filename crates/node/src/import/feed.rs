//! The second pass: bodies are read by several threads in the order of the plan, and go through the pipeline.
//!
//! # Bounds
//! A block holds credits from before it is read to its verdict, as a block holds them from its request in the node: no more
//! than `--blockbuffer` bytes of them are in memory. Where old blocks are deleted to save space, it holds them until it is
//! connected, and no more of them are given out than there is room: so what is stored ahead of what may be deleted is bounded.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tipward_chain::{BlockOutcome, BlockVerdict, HeaderId};
use tipward_consensus::RejectKind;
use tipward_primitives::{Height, RawBlock};

use super::catalog::{Item, Plan, Spot};
use super::source::Source;
use crate::offline::{Happening, Offline, ReadBlock, Signal, StopFlag, Workplace};
use crate::progress::{Display, Meter};

/// Threads that read: as many as keep a disk busy.
const READERS: usize = 4;
/// Files that each of them keeps open.
const OPEN_FILES: usize = 8;
/// A block for which there is no room on the disk is tried again so often.
const RETRY: Duration = Duration::from_secs(1);
/// How long to wait for something to happen before looking at the stop sign.
const LOOK: Duration = Duration::from_millis(100);
/// Damaged blocks that are told one by one.
const MOST_TOLD: usize = 100;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Fed {
    pub(super) blocks: u64,
    pub(super) bytes: u64,
    /// Blocks that are not what their headers say, or cannot be read: a line for each of a hundred, and how many there were.
    pub(super) damaged: Vec<String>,
    pub(super) damaged_in_all: u64,
    /// It was told to stop before all was done.
    pub(super) stopped: bool,
}

/// Feeds all that the plan holds, and waits until it is connected as far as it can be.
pub(super) fn feed(
    node: &mut Offline,
    mut plan: Plan,
    files: &[Source],
    place: &Workplace,
) -> anyhow::Result<Fed> {
    let Workplace {
        config,
        display,
        stop,
    } = place;
    let saves_space = config
        .sync
        .prune
        .is_some_and(|prune| prune.target.is_some());
    let buffer = config.sync.block_buffer;
    let credits = Credits::new(within(node.room(), buffer));
    let next = AtomicUsize::new(0);
    // What cannot be connected cannot be deleted either.
    let items = &mut plan.items;
    items.retain(|item| item.connects || !saves_space);
    let (total, items) = (plan.waiting + plan.bytes(), &plan.items);
    std::thread::scope(|threads| {
        let _end = EndOfReading(&credits);
        for number in 0..READERS.min(items.len()) {
            let reader = Reader {
                files,
                items,
                next: &next,
                credits: &credits,
                out: node.sender(),
            };
            std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn_scoped(threads, move || reader.run())?;
        }
        let feeding = Feeding {
            total,
            before: node.connected().bytes,
            node,
            items,
            spare: plan.spare,
            copies: HashMap::new(),
            files,
            credits: &credits,
            buffer,
            done: 0,
            beside: 0,
            held: saves_space.then(VecDeque::new),
            again: Vec::new(),
            failed_at: None,
            told: None,
            fed: Fed::default(),
        };
        feeding.run(display, stop)
    })
}

/// No more than the room on the disk, where that is bounded.
fn within(room: Option<u64>, buffer: usize) -> usize {
    let room = room.map(|room| usize::try_from(room).unwrap_or(usize::MAX));
    room.map_or(buffer, |room| room.min(buffer))
}

/// Bytes that may be on their way.
struct Credits {
    state: Mutex<Taken>,
    freed: Condvar,
}

struct Taken {
    bytes: usize,
    limit: usize,
    ended: bool,
}

impl Credits {
    fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(Taken {
                bytes: 0,
                limit,
                ended: false,
            }),
            freed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for so many bytes; one block may always be on its way. False when nothing is wanted any
    /// more.
    fn take(&self, bytes: usize) -> bool {
        let full = |taken: &mut Taken| {
            !taken.ended && taken.bytes > 0 && taken.bytes + bytes > taken.limit
        };
        let mut taken = self
            .freed
            .wait_while(self.lock(), full)
            .unwrap_or_else(PoisonError::into_inner);
        taken.bytes += bytes;
        !taken.ended
    }

    /// So many bytes may be on their way from now on.
    fn set_limit(&self, limit: usize) {
        self.lock().limit = limit;
        self.freed.notify_all();
    }

    fn give_back(&self, bytes: usize) {
        let mut taken = self.lock();
        taken.bytes = taken.bytes.saturating_sub(bytes);
        drop(taken);
        self.freed.notify_all();
    }
}

/// Ends the reading threads when the feeding is over, however it ends.
struct EndOfReading<'a>(&'a Credits);

impl Drop for EndOfReading<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.freed.notify_all();
    }
}

struct Reader<'a> {
    files: &'a [Source],
    items: &'a [Item],
    next: &'a AtomicUsize,
    credits: &'a Credits,
    out: Sender<Signal>,
}

impl Reader<'_> {
    fn run(self) {
        let mut open = OpenFiles::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = self.items.get(number) else {
                return;
            };
            if !self.credits.take(item.spot.size as usize) {
                return;
            }
            let block = open.read(self.files, item.spot);
            if self
                .out
                .send(Signal::Read(ReadBlock { number, block }))
                .is_err()
            {
                return;
            }
        }
    }
}

/// The files that were used last.
#[derive(Default)]
struct OpenFiles(Vec<(u32, File)>);

impl OpenFiles {
    fn read(&mut self, files: &[Source], spot: Spot) -> io::Result<RawBlock> {
        let source = files
            .get(spot.file as usize)
            .ok_or(io::ErrorKind::NotFound)?;
        let at = match self.0.iter().position(|(number, _)| *number == spot.file) {
            Some(at) => at,
            None => {
                if self.0.len() >= OPEN_FILES {
                    self.0.remove(0);
                }
                self.0.push((spot.file, File::open(&source.path)?));
                self.0.len() - 1
            }
        };
        let mut bytes = vec![0; spot.size as usize];
        self.0[at].1.read_exact_at(&mut bytes, spot.offset)?;
        source.decode(spot.offset, &mut bytes);
        RawBlock::new(bytes.into()).map_err(io::Error::other)
    }
}

struct Feeding<'a> {
    node: &'a mut Offline,
    items: &'a [Item],
    /// Copies that were not tried, the last first.
    spare: HashMap<HeaderId, Vec<Spot>>,
    /// Where the copy lies that was tried last, if it is not the first.
    copies: HashMap<usize, Spot>,
    files: &'a [Source],
    credits: &'a Credits,
    /// Bytes that may be on their way at most.
    buffer: usize,
    /// Bytes to validate or, of blocks that cannot be connected, to store.
    total: u64,
    /// Bytes that had been connected before it began.
    before: u64,
    /// Items that are done with.
    done: usize,
    /// Bytes of items that are done with and not to be connected.
    beside: u64,
    /// Blocks that are stored and hold their credits until they are connected: their heights, and credits.
    held: Option<VecDeque<(Height, usize)>>,
    /// Items for which there was no room; they keep their credits.
    again: Vec<usize>,
    failed_at: Option<Instant>,
    /// What it was said to wait for.
    told: Option<String>,
    fed: Fed,
}

impl Feeding<'_> {
    fn run(mut self, display: &Display, stop: &StopFlag) -> anyhow::Result<Fed> {
        let mut meter = Meter::begin(display, "importing");
        while self.done < self.items.len() || !self.node.is_settled() {
            if stop.is_set() {
                self.fed.stopped = true;
                break;
            }
            match self.node.next(LOOK)? {
                Happening::Read(read) => self.submit(read),
                Happening::Verdict(verdict) => self.judged(&verdict, display),
                Happening::Waiting(why) => self.wait(&why, display),
                Happening::Other => {}
            }
            self.release();
            if self.failed_at.is_some_and(|at| at.elapsed() >= RETRY) {
                self.try_again();
            }
            let connected = self.node.connected().bytes - self.before;
            let (height, blocks) = (self.node.chain().tip_height(), self.fed.blocks);
            let rate = blocks as f64 / meter.elapsed().as_secs_f64().max(0.001);
            meter.show(connected + self.beside, self.total, || {
                format!("{rate:.0} blocks/s, height {height}, ")
            });
        }
        Ok(self.fed)
    }

    fn submit(&mut self, read: ReadBlock) {
        let item = self.items[read.number];
        match read.block {
            Ok(block) => self.node.submit(read.number as u64, item.id, block),
            Err(error) => self.try_copies(read.number, &format!("it cannot be read: {error}")),
        }
    }

    fn judged(&mut self, verdict: &BlockVerdict, display: &Display) {
        let number = usize::try_from(verdict.id).unwrap_or(usize::MAX);
        match &verdict.outcome {
            BlockOutcome::Stored { .. } => {
                self.told = None;
                self.fed.blocks += 1;
                self.fed.bytes += verdict.size as u64;
                self.finished(number);
            }
            BlockOutcome::Refused(reject) if reject.kind == RejectKind::Consensus => {
                self.finished(number);
            }
            BlockOutcome::Refused(reject) => self.try_copies(number, &reject.to_string()),
            BlockOutcome::Failed(fault) => {
                self.wait(&fault.what, display);
                self.again.push(number);
                self.failed_at.get_or_insert_with(Instant::now);
            }
        }
    }

    /// A copy of the block is no good; there may be another.
    fn try_copies(&mut self, number: usize, why: &str) {
        let Some(item) = self.items.get(number) else {
            return;
        };
        let mut why = why.to_owned();
        loop {
            self.tell_damage(self.spot_of(number), item.id, &why);
            let Some(spot) = self.spare.get_mut(&item.id).and_then(Vec::pop) else {
                return self.finished(number);
            };
            self.copies.insert(number, spot);
            match OpenFiles::default().read(self.files, spot) {
                Ok(block) => return self.node.submit(number as u64, item.id, block),
                Err(error) => why = format!("it cannot be read: {error}"),
            }
        }
    }

    /// Where the copy lies that was taken last.
    fn spot_of(&self, number: usize) -> Spot {
        let copy = self.copies.get(&number).copied();
        copy.unwrap_or_else(|| self.items[number].spot)
    }

    fn tell_damage(&mut self, spot: Spot, id: HeaderId, why: &str) {
        self.fed.damaged_in_all += 1;
        if self.fed.damaged.len() < MOST_TOLD {
            let chain = self.node.chain();
            self.fed.damaged.push(format!(
                "{} at offset {}: block {} at height {} is damaged: {why}",
                self.files[spot.file as usize].path.display(),
                spot.offset,
                chain.hash(id),
                chain.height(id),
            ));
        }
    }

    fn finished(&mut self, number: usize) {
        let Some(item) = self.items.get(number) else {
            return;
        };
        self.done += 1;
        if !item.connects {
            self.beside += u64::from(item.spot.size);
        }
        let bytes = item.spot.size as usize;
        match &mut self.held {
            Some(held) => held.push_back((self.node.chain().height(item.id), bytes)),
            None => self.credits.give_back(bytes),
        }
    }

    /// Gives the credits of blocks back that are connected, or of all if none can be connected now.
    fn release(&mut self) {
        let Some(held) = &mut self.held else { return };
        let (tip, settled) = (self.node.chain().tip_height(), self.node.is_settled());
        while let Some((height, bytes)) = held.front().copied()
            && (settled || height <= tip)
        {
            held.pop_front();
            self.credits.give_back(bytes);
        }
        self.credits
            .set_limit(within(self.node.room(), self.buffer));
    }

    /// Says why it waits, once.
    fn wait(&mut self, why: &str, display: &Display) {
        if self.told.as_deref() != Some(why) {
            self.told = Some(why.to_owned());
            display.say(&format!(
                "Waiting: {why}. It goes on by itself when that has passed, and can be stopped meanwhile"
            ));
        }
    }

    fn try_again(&mut self) {
        self.failed_at = None;
        let mut open = OpenFiles::default();
        for number in std::mem::take(&mut self.again) {
            match open.read(self.files, self.spot_of(number)) {
                Ok(block) => {
                    let id = self.items[number].id;
                    self.node.submit(number as u64, id, block);
                }
                Err(error) => self.try_copies(number, &format!("it cannot be read: {error}")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
