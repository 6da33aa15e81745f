//! Finds lost headers again: every block in the block files begins with its header.

use std::collections::HashSet;

use tipward_primitives::{BlockHash, Header};

use crate::error::StoreError;
use crate::layout;
use crate::loaded::{Repair, StoredBlocks};
use crate::log::Log;
use crate::pruned::Numbers;
use crate::reader::BlockReader;
use crate::records::IndexRecord;

/// Looks at every record of the header log. If one is damaged, the log is shorter than what was synced, or it is new but
/// there are blocks other than the genesis block, it is written anew from the records that are whole and from the block
/// files.
pub(crate) fn check(
    log: &mut Log<Header>,
    synced: u64,
    index_log: &Log<IndexRecord>,
    reader: &BlockReader,
    genesis: BlockHash,
) -> Result<Vec<Repair>, StoreError> {
    let mut repairs = Vec::new();
    let mut scan = log.scan();
    while let Some(number) = scan.next_damaged()? {
        let what = "a record has a wrong checksum; dropped it";
        repairs.push(log.repair(Log::<Header>::offset(number), what));
    }
    let damaged = !repairs.is_empty();
    if log.records() < synced {
        let what = format!("{} of {synced} headers are there", log.records());
        repairs.push(log.repair(Log::<Header>::offset(log.records()), what));
    } else if log.is_new() && reader.blocks() > 1 {
        repairs.push(log.repair(0, "it was lost, but there are blocks"));
    } else if !damaged {
        return Ok(repairs);
    }

    let mut healed = Healed {
        reader,
        known: HashSet::from([genesis]),
        orphans: HashSet::new(),
        order: Vec::new(),
        from_blocks: 0,
    };
    let mut scan = log.scan();
    while let Some((_, record)) = scan.next_record()? {
        if let Some(header) = record {
            healed.add(header);
        }
    }
    for block in StoredBlocks(index_log.scan(), Numbers::default()) {
        let hash = block?.hash;
        if !healed.known.contains(&hash)
            && let Some(header) = reader.header(&hash)
            && healed.add(header)
        {
            healed.from_blocks += 1;
        }
    }
    let what = format!(
        "wrote it anew: {} headers, of which {} came from the block files; {} whose ancestors are lost were dropped \
         and will be fetched again",
        healed.order.len(),
        healed.from_blocks,
        healed.orphans.len()
    );
    let order = healed.order;
    log.replace(&order)?;
    repairs.push(log.repair(layout::LOG_HEAD as u64, what));
    Ok(repairs)
}

/// Headers put in order, parents first.
struct Healed<'a> {
    reader: &'a BlockReader,
    /// The hashes of `order`, and the genesis block's.
    known: HashSet<BlockHash>,
    /// Headers that do not connect to a known one.
    orphans: HashSet<BlockHash>,
    order: Vec<Header>,
    from_blocks: u64,
}

impl Healed<'_> {
    /// Adds a header, and before it those of its ancestors that are lost in the log but stored with their blocks; false if
    /// one of these is not stored.
    fn add(&mut self, header: Header) -> bool {
        let hash = header.block_hash();
        if self.known.contains(&hash) {
            return true;
        }
        let mut branch = vec![(hash, header)];
        let mut parent = header.prev_blockhash;
        while !self.known.contains(&parent) {
            let found = (!self.orphans.contains(&parent))
                .then(|| self.reader.header(&parent))
                .flatten();
            let Some(header) = found else {
                self.orphans.extend(branch.iter().map(|(hash, _)| hash));
                return false;
            };
            branch.push((parent, header));
            parent = header.prev_blockhash;
        }
        self.from_blocks += branch.len() as u64 - 1;
        for (hash, header) in branch.into_iter().rev() {
            self.orphans.remove(&hash);
            self.known.insert(hash);
            self.order.push(header);
        }
        true
    }
}
