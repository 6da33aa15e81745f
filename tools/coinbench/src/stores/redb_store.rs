//! redb.

use redb::{Database, ReadableDatabase as _, TableDefinition};

use super::*;

const COINS: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("coins");
const MARKS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("marks");

pub(crate) struct Redb(Database);

impl Redb {
    pub(crate) fn open(dir: &Path, cache: usize) -> anyhow::Result<Self> {
        let database = Database::builder()
            .set_cache_size(cache)
            .create(dir.join("coins.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(COINS)?;
        transaction.open_table(MARKS)?;
        transaction.commit()?;
        Ok(Self(database))
    }
}

impl Store for Redb {
    fn write(&mut self, changes: &[Change], flush: u64) -> anyhow::Result<()> {
        let transaction = self.0.begin_write()?;
        {
            let mut coins = transaction.open_table(COINS)?;
            for (key, value) in changes {
                match value {
                    Some(value) => drop(coins.insert(key, &value[..])?),
                    None => drop(coins.remove(key)?),
                }
            }
            transaction.open_table(MARKS)?.insert(MARK, flush)?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        let coins = self.0.begin_read()?.open_table(COINS)?;
        Ok(coins.get(key)?.map(|value| value.value().to_vec()))
    }

    fn last_flush(&self) -> anyhow::Result<Option<u64>> {
        let marks = self.0.begin_read()?.open_table(MARKS)?;
        Ok(marks.get(MARK)?.map(|mark| mark.value()))
    }
}
