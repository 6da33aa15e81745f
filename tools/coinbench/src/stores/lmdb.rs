//! LMDB, through heed.

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions};

use super::*;

/// Address space, not disk: more than any coin set needs.
const MAP_SIZE: usize = 1 << 40;

pub(crate) struct Lmdb {
    env: Env,
    coins: Database<'static, Bytes, Bytes>,
}

impl Lmdb {
    /// Its cache is the system's, so there is no budget to give.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        // SAFETY: the folder is this process's own. Without the sync of the meta page a commit is atomic and ordered,
        // but may be lost; `flush` ends with a sync of all.
        let env = unsafe {
            EnvOpenOptions::new()
                .map_size(MAP_SIZE)
                .flags(EnvFlags::NO_META_SYNC | EnvFlags::NO_READ_AHEAD)
                .open(dir)?
        };
        let transaction = env.write_txn()?;
        let coins = env
            .create_databases_and_commit(transaction, |opener, transaction| {
                let coins = opener.create_database::<Bytes, Bytes>(transaction, None);
                coins.map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit();
        Ok(Self { env, coins })
    }

    fn put_mark(&self, mark: Mark) -> anyhow::Result<()> {
        let mut transaction = self.env.write_txn()?;
        self.coins.put(&mut transaction, MARK, &mark.to_bytes())?;
        Ok(transaction.commit()?)
    }
}

impl Store for Lmdb {
    fn flush(&mut self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        self.put_mark(Mark::Begun(number))?;
        for chunk in chunks {
            let mut transaction = self.env.write_txn()?;
            for (key, value) in chunk {
                match value {
                    Some(value) => self.coins.put(&mut transaction, &key, &value)?,
                    None => drop(self.coins.delete(&mut transaction, &key)?),
                }
            }
            transaction.commit()?;
        }
        self.put_mark(Mark::Done(number))?;
        Ok(self.env.force_sync()?)
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        let transaction = self.env.read_txn()?;
        Ok(self.coins.get(&transaction, key)?.map(<[u8]>::to_vec))
    }

    fn mark(&self) -> anyhow::Result<Option<Mark>> {
        let transaction = self.env.read_txn()?;
        self.coins
            .get(&transaction, MARK)?
            .map(Mark::from_bytes)
            .transpose()
    }
}
