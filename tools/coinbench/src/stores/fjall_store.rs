//! fjall.

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::*;

pub(crate) struct Fjall {
    database: Database,
    coins: Keyspace,
}

impl Fjall {
    pub(crate) fn open(dir: &Path, cache: usize) -> anyhow::Result<Self> {
        let buffers = (cache / 2) as u64;
        let database = Database::builder(dir)
            .cache_size(cache as u64 - buffers)
            .max_write_buffer_size(Some(buffers))
            .worker_threads(2)
            .open()?;
        let coins = database.keyspace("coins", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(buffers / 2)
                .data_block_size_policy(BlockSizePolicy::all(4 << 10))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        })?;
        Ok(Self { database, coins })
    }
}

impl Store for Fjall {
    fn write(&mut self, changes: &[Change], flush: u64) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(&self.coins, &key[..], &value[..]),
                None => batch.remove(&self.coins, &key[..]),
            }
        }
        batch.insert(&self.coins, MARK, &flush.to_le_bytes()[..]);
        Ok(batch.commit()?)
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.coins.get(key)?.map(|value| value.to_vec()))
    }

    fn last_flush(&self) -> anyhow::Result<Option<u64>> {
        self.coins.get(MARK)?.map(|mark| number(&mark)).transpose()
    }
}
