//! redb.

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase as _, TableDefinition};

use super::*;

const COINS: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("coins");
const MARKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("marks");

pub(crate) struct Redb {
    /// What reads see, until the next flush: to open a table for every read would cost more than the read.
    coins: Option<ReadOnlyTable<Key, &'static [u8]>>,
    database: Database,
}

impl Redb {
    pub(crate) fn open(dir: &Path, cache: usize) -> anyhow::Result<Self> {
        let database = Database::builder()
            .set_cache_size(cache)
            .create(dir.join("coins.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(COINS)?;
        transaction.open_table(MARKS)?;
        transaction.commit()?;
        let coins = Some(database.begin_read()?.open_table(COINS)?);
        Ok(Self { coins, database })
    }

    /// One transaction: a chunk and a mark.
    fn commit(&self, chunk: Vec<Change>, mark: Mark, durability: Durability) -> anyhow::Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(durability)?;
        // Else all is read and checked when it is opened after a crash.
        transaction.set_quick_repair(true);
        {
            let mut coins = transaction.open_table(COINS)?;
            for (key, value) in chunk {
                match value {
                    Some(value) => drop(coins.insert(key, &value[..])?),
                    None => drop(coins.remove(key)?),
                }
            }
            transaction
                .open_table(MARKS)?
                .insert(MARK, &mark.to_bytes()[..])?;
        }
        Ok(transaction.commit()?)
    }
}

impl Store for Redb {
    fn flush(&mut self, chunks: Chunks<'_>, number: u64) -> anyhow::Result<()> {
        // A reader would keep the pages that the flush replaces.
        self.coins = None;
        for chunk in chunks {
            self.commit(chunk, Mark::Begun(number), Durability::None)?;
        }
        self.commit(Vec::new(), Mark::Done(number), Durability::Immediate)?;
        self.coins = Some(self.database.begin_read()?.open_table(COINS)?);
        Ok(())
    }

    fn get(&self, key: &Key) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(coins) = &self.coins else {
            bail!("a flush failed");
        };
        Ok(coins.get(key)?.map(|value| value.value().to_vec()))
    }

    fn mark(&self) -> anyhow::Result<Option<Mark>> {
        let marks = self.database.begin_read()?.open_table(MARKS)?;
        marks
            .get(MARK)?
            .map(|mark| Mark::from_bytes(mark.value()))
            .transpose()
    }
}
