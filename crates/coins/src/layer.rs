//! One generation of the set in memory.

use std::collections::HashMap;

use crate::OutPointKey;
use crate::form::{Form, Kind};

/// A coin with its script in the short form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed<'a> {
    pub(crate) code: u32,
    pub(crate) value: u64,
    pub(crate) form: Form<'a>,
}

/// What memory knows of an outpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// The coin is gone, which those below need not know yet.
    Spent,
    Coin(Packed<'a>, State),
}

/// How a coin in memory relates to what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is the same below.
    Clean,
    /// It is to be written. Something else may be below.
    Dirty,
    /// It is to be written, and below there is no coin: once spent it leaves no trace.
    Fresh,
}

#[derive(Debug, Default)]
pub(crate) struct Layer {
    entries: HashMap<OutPointKey, Kept>,
    changes: usize,
}

#[derive(Debug)]
enum Kept {
    Spent,
    Coin {
        code: u32,
        value: u64,
        kind: Kind,
        payload: Box<[u8]>,
        state: State,
    },
}

impl Kept {
    fn is_change(&self) -> bool {
        !matches!(
            self,
            Self::Coin {
                state: State::Clean,
                ..
            }
        )
    }

    fn entry(&self) -> Entry<'_> {
        match self {
            Self::Spent => Entry::Spent,
            Self::Coin {
                code,
                value,
                kind,
                payload,
                state,
            } => Entry::Coin(
                Packed {
                    code: *code,
                    value: *value,
                    form: Form {
                        kind: *kind,
                        payload,
                    },
                },
                *state,
            ),
        }
    }
}

impl Layer {
    pub(crate) fn get(&self, key: &OutPointKey) -> Option<Entry<'_>> {
        self.entries.get(key).map(Kept::entry)
    }

    pub(crate) fn put(&mut self, key: &OutPointKey, coin: Packed<'_>, state: State) {
        self.replace(
            key,
            Kept::Coin {
                code: coin.code,
                value: coin.value,
                kind: coin.form.kind,
                payload: coin.form.payload.into(),
                state,
            },
        );
    }

    pub(crate) fn put_spent(&mut self, key: &OutPointKey) {
        self.replace(key, Kept::Spent);
    }

    fn replace(&mut self, key: &OutPointKey, with: Kept) {
        self.changes += usize::from(with.is_change());
        if let Some(old) = self.entries.insert(*key, with) {
            self.changes -= usize::from(old.is_change());
        }
    }

    pub(crate) fn remove(&mut self, key: &OutPointKey) {
        if let Some(old) = self.entries.remove(key) {
            self.changes -= usize::from(old.is_change());
        }
    }

    pub(crate) fn changes(&self) -> usize {
        self.changes
    }

    pub(crate) fn memory(&self) -> usize {
        self.entries.len() * 160
    }

    /// What must be written, in the order of the store's keys.
    pub(crate) fn sorted_changes(&self) -> impl Iterator<Item = (OutPointKey, Option<Packed<'_>>)> {
        let mut changes: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, kept)| kept.is_change())
            .collect();
        changes.sort_unstable_by_key(|(key, _)| crate::db::value::order(key));
        changes.into_iter().map(|(key, kept)| match kept.entry() {
            Entry::Spent => (*key, None),
            Entry::Coin(coin, _) => (*key, Some(coin)),
        })
    }
}
