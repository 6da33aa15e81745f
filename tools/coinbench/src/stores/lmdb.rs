//! LMDB, through heed.

use heed::types::Bytes;
use heed::{Database, Env, EnvOpenOptions};

use super::*;

/// Address space, not disk: more than any coin set needs.
const MAP_SIZE: usize = 1 << 40;

pub(crate) struct Lmdb {
    env: Env,
    coins: Database<Bytes, Bytes>,
}

impl Lmdb {
    /// Its cache is the system's, so there is no budget to give.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        // SAFETY: the folder is this process's own.
        let env = unsafe { EnvOpenOptions::new().map_size(MAP_SIZE).open(dir)? };
        let mut transaction = env.write_txn()?;
        let coins = env.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Self { env, coins })
    }
}

impl Store for Lmdb {
    fn write(&mut self, changes: &[Change], flush: u64) -> anyhow::Result<()> {
        let mut transaction = self.env.write_txn()?;
        for (key, value) in changes {
            match value {
                Some(value) => self.coins.put(&mut transaction, key, value)?,
                None => drop(self.coins.delete(&mut transaction, key)?),
            }
        }
        self.coins
            .put(&mut transaction, MARK, &flush.to_le_bytes())?;
        Ok(transaction.commit()?)
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        let transaction = self.env.read_txn()?;
        Ok(self.coins.get(&transaction, key)?.map(<[u8]>::to_vec))
    }

    fn last_flush(&self) -> anyhow::Result<Option<u64>> {
        let transaction = self.env.read_txn()?;
        self.coins.get(&transaction, MARK)?.map(number).transpose()
    }
}
