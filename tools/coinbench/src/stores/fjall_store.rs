//! fjall.

use fjall::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
};

use super::*;

pub(crate) struct Fjall {
    database: Database,
    coins: Keyspace,
    ingest: bool,
}

impl Fjall {
    pub(crate) fn open(dir: &Path, cache: usize, ingest: bool) -> anyhow::Result<Self> {
        let buffers = (cache / 2) as u64;
        let database = Database::builder(dir)
            .cache_size(cache as u64 - buffers)
            .worker_threads(2)
            .open()?;
        let coins = database.keyspace("coins", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(buffers / 2)
                .data_block_size_policy(BlockSizePolicy::all(4 << 10))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
                .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(
                    BloomConstructionPolicy::BitsPerKey(10.0),
                )))
        })?;
        Ok(Self {
            database,
            coins,
            ingest,
        })
    }

    fn put_mark(&self, mark: Mark, persist: Option<PersistMode>) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(persist);
        batch.insert(&self.coins, MARK, &mark.to_bytes()[..]);
        Ok(batch.commit()?)
    }

    fn flush_through_journal(&self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        self.put_mark(Mark::Begun(number), None)?;
        for chunk in chunks {
            let mut batch = OwnedWriteBatch::with_capacity(self.database.clone(), chunk.len());
            for (key, value) in chunk {
                match value {
                    Some(value) => batch.insert(&self.coins, &key[..], &value[..]),
                    None => batch.remove(&self.coins, &key[..]),
                }
            }
            batch.commit()?;
        }
        // Syncs what stands before it in the journal, too.
        self.put_mark(Mark::Done(number), Some(PersistMode::SyncAll))
    }

    /// The tables that a flush becomes appear all at once, and the mark is in one of them, in its place by key.
    fn flush_as_tables(&self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        let done = Mark::Done(number).to_bytes();
        let mut marked = false;
        let mut ingestion = self.coins.start_ingestion()?;
        for (key, value) in chunks.flatten() {
            if !marked && &key[..] > MARK {
                ingestion.write(MARK, &done[..])?;
                marked = true;
            }
            match value {
                Some(value) => ingestion.write(&key[..], &value[..])?,
                None => ingestion.write_tombstone(&key[..])?,
            }
        }
        if !marked {
            ingestion.write(MARK, &done[..])?;
        }
        Ok(ingestion.finish()?)
    }
}

impl Store for Fjall {
    fn flush(&mut self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        if self.ingest {
            self.flush_as_tables(chunks, number)
        } else {
            self.flush_through_journal(chunks, number)
        }
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.coins.get(key)?.map(|value| value.to_vec()))
    }

    fn mark(&self) -> anyhow::Result<Option<Mark>> {
        self.coins
            .get(MARK)?
            .map(|mark| Mark::from_bytes(&mark))
            .transpose()
    }
}
