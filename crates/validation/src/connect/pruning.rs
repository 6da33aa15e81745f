//! Deleting old blocks to save space.
//!
//! # Correctness
//! A file is deleted only when the coins on disk contain all of its blocks, and each of them lies [`KEPT`] blocks or more below
//! the verified tip: so a start after a crash finds every block that it has to connect again, and a reorganization of that depth
//! every block and all undo data that it has to take back. The writer deletes block files; after it has, undo files that are
//! about nothing above them are deleted here.

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use tipward_chain::Fault;
use tipward_primitives::Height;
use tipward_store::FileUse;

use super::Connect;
use crate::disk::{Disk, KEPT};
use crate::faults::{ended, store_fault};
use crate::write::{Control, PruneOrder};

type Asker = Sender<Result<(), Fault>>;

/// What is to be deleted.
pub(super) struct Pruning {
    /// `None`: nothing ever is.
    disk: Option<Disk>,
    writer: Sender<Control>,
    /// By order of the user: up to which height, and who waits for it.
    asked: Vec<(Height, Asker)>,
    running: Option<Running>,
    wants_flush: bool,
}

/// Files that the writer deletes now.
struct Running {
    done: Receiver<Result<(), Fault>>,
    /// The greatest height in them.
    top: Height,
}

impl Pruning {
    pub(super) fn new(disk: Option<Disk>, writer: Sender<Control>) -> Self {
        Self {
            disk,
            writer,
            asked: Vec::new(),
            running: None,
            wants_flush: false,
        }
    }

    pub(super) fn ask(&mut self, height: Height, asker: Asker) {
        self.asked.push((height, asker));
    }

    /// Coins must be written before the next file may be deleted.
    pub(super) fn wants_flush(&self) -> bool {
        self.wants_flush
    }

    fn answer(&mut self, answer: &Result<(), Fault>) {
        for (_, asker) in self.asked.drain(..) {
            // Whoever asked may have gone.
            let _ = asker.send(answer.clone());
        }
    }
}

impl Connect {
    /// Has the next files deleted, if any may be and should.
    pub(super) fn prune(&mut self) -> Result<bool, Fault> {
        self.pruning.wants_flush = false;
        if self.pruning.running.is_some() {
            return Ok(false);
        }
        let Some(disk) = &self.pruning.disk else {
            self.pruning.answer(&Ok(()));
            return Ok(false);
        };
        let floor = self.frontiers.verified().height.saturating_sub(KEPT);
        let (mut files, urgent) = match self.pruning.asked.iter().map(|(height, _)| *height).max() {
            Some(height) => (disk.blocks.finished_up_to(height.min(floor)), true),
            None => self.too_much(disk, floor),
        };
        if files.is_empty() {
            self.pruning.answer(&Ok(()));
            return Ok(false);
        }
        let flushed = self.frontiers.flushed().height;
        let unflushed: u64 = files
            .iter()
            .filter(|f| f.top > flushed)
            .map(|f| f.bytes)
            .sum();
        files.retain(|file| file.top <= flushed);
        if files.is_empty() {
            self.pruning.wants_flush = urgent || unflushed >= self.worth_a_flush();
            return Ok(false);
        }
        self.order(&files)
    }

    /// What has to go to get below the limit, and whether it is high time.
    fn too_much(&self, disk: &Disk, floor: Height) -> (Vec<FileUse>, bool) {
        let bytes = disk.bytes();
        let Some(marks) = disk.marks().filter(|marks| bytes > marks.high) else {
            return (Vec::new(), false);
        };
        if self.frontiers.verified().height <= disk.prune.after_height {
            return (Vec::new(), false);
        }
        let mut left = bytes;
        let files = disk.blocks.finished_up_to(floor).into_iter();
        let files = files
            .take_while(|file| {
                let more = left > marks.low;
                left = left.saturating_sub(file.bytes);
                more
            })
            .collect();
        (files, bytes >= marks.full)
    }

    /// Fewer bytes are not deleted at the price of a flush, as long as there is time.
    fn worth_a_flush(&self) -> u64 {
        let marks = self.pruning.disk.as_ref().and_then(Disk::marks);
        marks.map_or(0, |marks| marks.high - marks.low)
    }

    fn order(&mut self, files: &[FileUse]) -> Result<bool, Fault> {
        self.settings.points.pass("before deleting block files")?;
        let (sender, done) = bounded(1);
        let bell = self.bell.clone();
        let order = PruneOrder {
            files: files.iter().map(|file| file.number).collect(),
            done: Box::new(move |outcome| {
                // The thread may have ended.
                let _ = sender.send(outcome);
                bell.ring();
            }),
        };
        match self.pruning.writer.try_send(Control::Prune(order)) {
            Ok(()) => {
                let top = files.iter().map(|file| file.top).max().unwrap_or(0);
                self.pruning.running = Some(Running { done, top });
                Ok(true)
            }
            // The writer has much to do; the next turn is soon.
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => Err(ended("writes blocks")),
        }
    }

    /// The writer may be done.
    pub(super) fn take_pruned(&mut self) -> Result<(), Fault> {
        let Some(running) = &self.pruning.running else {
            return Ok(());
        };
        let done = match running.done.try_recv() {
            Ok(done) => done,
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Err(ended("writes blocks")),
        };
        let top = running.top;
        self.pruning.running = None;
        let done = done.and_then(|()| self.prune_undo(top));
        if done.is_err() {
            self.pruning.answer(&done);
        }
        done
    }

    fn prune_undo(&mut self, top: Height) -> Result<(), Fault> {
        self.settings.points.pass("before deleting undo files")?;
        let files = self.undo_reader.files().finished_up_to(top);
        let numbers: Vec<u32> = files.iter().map(|file| file.number).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        self.undo.prune(&numbers).map_err(|e| store_fault(&e))?;
        self.settings.points.pass("after deleting undo files")
    }
}
