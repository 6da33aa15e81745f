//! RocksDB, through rust-rocksdb.

use rocksdb::{BlockBasedOptions, Cache, DB, Options, WriteBatch, WriteOptions};

use super::*;

pub(crate) struct Rocks {
    db: DB,
    log: bool,
}

impl Rocks {
    pub(crate) fn open(dir: &Path, cache: usize, log: bool) -> anyhow::Result<Self> {
        let buffers = cache / 2;
        let blocks = Cache::new_lru_cache(cache - buffers);
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&blocks);
        table.set_bloom_filter(10.0, false);
        // The fast filters, which versions back to 6.6 read.
        table.set_format_version(5);
        table.set_block_size(4 << 10);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&table);
        options.set_compression_type(rocksdb::DBCompressionType::None);
        options.set_write_buffer_size(buffers / 2);
        options.set_db_write_buffer_size(buffers);
        options.set_max_background_jobs(2);
        options.set_level_compaction_dynamic_level_bytes(true);
        options.set_bytes_per_sync(1 << 20);
        let db = DB::open(&options, dir)?;
        Ok(Self { db, log })
    }

    fn put_mark(&self, mark: Mark, sync: bool) -> anyhow::Result<()> {
        let mut options = WriteOptions::default();
        options.disable_wal(!self.log);
        // Syncs what stands before it in the log, too.
        options.set_sync(sync && self.log);
        Ok(self.db.put_opt(MARK, mark.to_bytes(), &options)?)
    }
}

impl Store for Rocks {
    fn flush(&mut self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        self.put_mark(Mark::Begun(number), false)?;
        let mut options = WriteOptions::default();
        options.disable_wal(!self.log);
        for chunk in chunks {
            let mut batch = WriteBatch::default();
            for (key, value) in chunk {
                match value {
                    Some(value) => batch.put(key, value),
                    None => batch.delete(key),
                }
            }
            self.db.write_opt(batch, &options)?;
        }
        self.put_mark(Mark::Done(number), true)?;
        if !self.log {
            // Write buffers are written out in the order in which they were filled, so that a mark is never on disk
            // without the chunks before it.
            self.db.flush()?;
        }
        Ok(())
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.db.get(key)?)
    }

    fn mark(&self) -> anyhow::Result<Option<Mark>> {
        self.db
            .get(MARK)?
            .map(|mark| Mark::from_bytes(&mark))
            .transpose()
    }
}
