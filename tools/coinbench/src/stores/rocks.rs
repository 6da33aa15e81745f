//! RocksDB, through rust-rocksdb.

use rocksdb::{BlockBasedOptions, Cache, DB, Options, WriteBatch, WriteOptions};

use super::*;

pub(crate) struct Rocks(DB);

impl Rocks {
    pub(crate) fn open(dir: &Path, cache: usize) -> anyhow::Result<Self> {
        let buffers = cache / 2;
        let blocks = Cache::new_lru_cache(cache - buffers);
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&blocks);
        table.set_bloom_filter(10.0, false);
        table.set_format_version(6);
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
        Ok(Self(DB::open(&options, dir)?))
    }
}

impl Store for Rocks {
    fn write(&mut self, changes: &[Change], flush: u64) -> anyhow::Result<()> {
        let mut batch = WriteBatch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        batch.put(MARK, flush.to_le_bytes());
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.0.write_opt(batch, &options)?)
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.0.get(key)?)
    }

    fn last_flush(&self) -> anyhow::Result<Option<u64>> {
        self.0.get(MARK)?.map(|mark| number(&mark)).transpose()
    }
}
