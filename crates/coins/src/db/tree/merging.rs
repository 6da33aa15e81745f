//! What is merged, when, and how.
//!
//! A change is written once by its flush, about once when runs are joined, and once when it is folded into the last level, which is
//! itself written once for that: some four times in all, however large the set is.

use std::sync::Arc;

use super::super::run::{Merge, Run, RunWriter, beginning};
use super::joining::first_to_join;
use super::version::{Above, Part, Version};
use super::{Tree, Writing};
use crate::CoinsError;

/// Entries between two looks at whether to pause.
const SLICE: u32 = 4096;

/// How a merge ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// Nothing is left to merge.
    Done,
    /// There is more to do.
    More,
}

/// Runs that are being merged, up to where it has come.
#[derive(Debug)]
pub(super) struct Merging {
    job: Job,
    merge: Merge,
    writer: Option<RunWriter>,
    /// Where the output that is being written begins, and the last entry's key.
    began: u64,
    last: Option<u64>,
    /// What is finished, and where each begins.
    outputs: Vec<(u64, Run)>,
}

#[derive(Debug)]
enum Job {
    /// Some neighbours become one.
    Join {
        /// Their numbers.
        runs: Vec<u64>,
        /// Their entries.
        entries: u64,
    },
    /// One part of the last level takes in what the runs above say of it.
    Fold {
        runs: Vec<u64>,
        /// Where the part begins.
        from: u64,
        /// Where the next begins.
        to: Option<u64>,
        /// The size of an output in bytes.
        size: u64,
    },
}

impl Job {
    fn is_past(&self, beginning: u64) -> bool {
        matches!(self, Self::Fold { to: Some(to), .. } if beginning >= *to)
    }
}

impl Tree {
    pub(super) fn merge_slice(
        &self,
        writing: &mut Writing,
        pause: &mut dyn FnMut() -> bool,
    ) -> Result<Merged, CoinsError> {
        loop {
            // Dropped after a failure, with what it has written.
            let merging = match writing.merging.take() {
                Some(merging) => Some(merging),
                None => self.plan(writing)?,
            };
            let Some(mut merging) = merging else {
                return Ok(Merged::Done);
            };
            if !self.advance(writing, &mut merging, pause)? {
                writing.merging = Some(merging);
                return Ok(Merged::More);
            }
            let version = merging.result(&self.version());
            self.install(writing, version)?;
            if pause() {
                return Ok(Merged::More);
            }
        }
    }

    /// What to do next.
    fn plan(&self, writing: &Writing) -> Result<Option<Merging>, CoinsError> {
        let (version, shape) = (self.version(), &writing.shape);
        let above = &version.above;
        let begun = above.iter().take_while(|run| run.from > 0).count();
        let above_size: u64 = above.iter().map(|above| above.run.size()).sum();
        let parts_size: u64 = version.parts.iter().map(|part| part.run.size()).sum();
        let is_worth_folding =
            above_size * 100 >= parts_size * shape.fold_at && above_size >= shape.least_fold;
        if begun > 0 || is_worth_folding && !above.is_empty() {
            let runs = if begun > 0 { begun } else { above.len() };
            self.fold(writing, &version, runs).map(Some)
        } else if above.len() > shape.most_runs {
            self.join(writing, above).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Folds the oldest runs above into the next part.
    fn fold(
        &self,
        writing: &Writing,
        version: &Version,
        runs: usize,
    ) -> Result<Merging, CoinsError> {
        let runs = &version.above[..runs];
        let number = version.part_of(runs[0].from);
        let part = number.and_then(|number| version.parts.get(number));
        let from = part.map_or(0, |part| part.from);
        let next = number.and_then(|number| version.parts.get(number + 1));
        let above_size: u64 = runs.iter().map(|above| above.run.size()).sum();
        // Parts are about as large as one another.
        let parts = version.parts.len().max(1) as u64;
        let size = part.map_or(0, |part| part.run.size()) + above_size / parts;
        let outputs = (size.saturating_add(writing.shape.part / 2) / writing.shape.part).max(1);
        self.check_room(writing, size)?;
        let mut key = [0; 33];
        key[..8].copy_from_slice(&from.to_be_bytes());
        let sources = runs.iter().rev().map(|above| &above.run);
        let sources = sources.chain(part.map(|part| &part.run)).cloned();
        Ok(Merging {
            merge: Merge::at(sources, &key)?,
            job: Job::Fold {
                runs: runs.iter().map(|above| above.run.id()).collect(),
                from,
                to: next.map(|next| next.from),
                size: size.div_ceil(outputs),
            },
            writer: None,
            began: from,
            last: None,
            outputs: Vec::new(),
        })
    }

    /// Joins the newest runs.
    fn join(&self, writing: &Writing, above: &[Above]) -> Result<Merging, CoinsError> {
        let sizes: Vec<u64> = above.iter().map(|above| above.run.size()).collect();
        let runs = &above[first_to_join(&sizes)..];
        self.check_room(writing, runs.iter().map(|above| above.run.size()).sum())?;
        let sources = runs.iter().rev().map(|above| Arc::clone(&above.run));
        Ok(Merging {
            merge: Merge::at(sources, &[0; 33])?,
            job: Job::Join {
                runs: runs.iter().map(|above| above.run.id()).collect(),
                entries: runs.iter().map(|above| above.run.entries()).sum(),
            },
            writer: None,
            began: 0,
            last: None,
            outputs: Vec::new(),
        })
    }

    /// Merges until the end, which is `true`, or until it is to pause.
    fn advance(
        &self,
        writing: &mut Writing,
        merging: &mut Merging,
        pause: &mut dyn FnMut() -> bool,
    ) -> Result<bool, CoinsError> {
        let mut left = SLICE;
        while let Some(entry) = merging.merge.entry() {
            let begins = beginning(entry.key());
            if merging.job.is_past(begins) {
                break;
            }
            if left == 0 {
                if pause() {
                    return Ok(false);
                }
                left = SLICE;
            }
            left -= 1;
            let (filter, is_note) = match &merging.job {
                Job::Join { entries, .. } => (Some(*entries), false),
                Job::Fold { size, .. } => {
                    // A transaction stays within one part.
                    let is_full = merging.writer.as_ref().is_some_and(|w| w.size() >= *size);
                    if is_full && merging.last != Some(begins) {
                        merging
                            .outputs
                            .extend(finish(&mut merging.writer, merging.began)?);
                        merging.began = begins;
                    }
                    (None, entry.value().is_empty())
                }
            };
            merging.last = Some(begins);
            if !is_note {
                let writer = match &mut merging.writer {
                    Some(writer) => writer,
                    none => none.insert(RunWriter::create(&self.dir, writing.take_id(), filter)?),
                };
                writer.push(&entry)?;
            }
            merging.merge.advance()?;
        }
        merging
            .outputs
            .extend(finish(&mut merging.writer, merging.began)?);
        Ok(true)
    }
}

fn finish(writer: &mut Option<RunWriter>, began: u64) -> Result<Option<(u64, Run)>, CoinsError> {
    let run = writer.take().map(RunWriter::finish).transpose()?;
    Ok(run.map(|run| (began, run)))
}

impl Merging {
    /// What a version becomes by it, to which nothing but new runs was added since it began.
    fn result(self, before: &Version) -> Version {
        let mut version = before.clone();
        let mut outputs = self
            .outputs
            .into_iter()
            .map(|(from, run)| (from, Arc::new(run)));
        match self.job {
            Job::Join { runs, .. } => {
                let of_job = |above: &Above| runs.contains(&above.run.id());
                let at = version.above.iter().position(of_job).unwrap_or(0);
                version.above.retain(|above| !of_job(above));
                let joined = outputs.next().map(|(_, run)| Above { run, from: 0 });
                version.above.splice(at..at, joined);
            }
            Job::Fold { runs, from, to, .. } => {
                let at = version.parts.partition_point(|part| part.from < from);
                let end = version.parts.partition_point(|part| part.from <= from);
                let parts = outputs.map(|(from, run)| Part { run, from });
                version.parts.splice(at..end, parts);
                // What a part without coins covered is the one's before it, or else the next one's.
                if let Some(first) = version.parts.first_mut() {
                    first.from = 0;
                }
                let of_job = |above: &Above| runs.contains(&above.run.id());
                if let Some(to) = to {
                    let begun = version.above.iter_mut().filter(|above| of_job(above));
                    begun.for_each(|above| above.from = to);
                } else {
                    version.above.retain(|above| !of_job(above));
                }
            }
        }
        version
    }
}
