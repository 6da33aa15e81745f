//! Which methods a user may call.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// What users may call, by name; the cookie's name is `__cookie__`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whitelist {
    users: BTreeMap<String, BTreeSet<String>>,
    /// Users that are not named may call nothing, instead of everything.
    others_nothing: bool,
}

impl Whitelist {
    /// From entries as `user:method,method,...`; a user alone may call nothing, and if one is named several times, only
    /// what all of the entries allow counts. Users that are not named may call nothing if `others_nothing` says so; unless
    /// it is given, exactly if there is an entry.
    pub fn new<'a>(
        entries: impl IntoIterator<Item = &'a str>,
        others_nothing: Option<bool>,
    ) -> Self {
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for entry in entries {
            let (user, methods) = entry.split_once(':').unwrap_or((entry, ""));
            let methods: BTreeSet<String> = methods
                .split([',', ' '])
                .filter(|method| !method.is_empty())
                .map(str::to_owned)
                .collect();
            users
                .entry(user.to_owned())
                .and_modify(|known| known.retain(|method| methods.contains(method)))
                .or_insert(methods);
        }
        Self {
            others_nothing: others_nothing.unwrap_or(!users.is_empty()),
            users,
        }
    }

    pub(crate) fn rights_of(&self, user: &str) -> Rights<'_> {
        match self.users.get(user) {
            Some(methods) => Rights::Only(methods),
            None if self.others_nothing => Rights::None,
            None => Rights::All,
        }
    }
}

/// What one user may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights<'a> {
    /// Everything.
    All,
    /// These methods.
    Only(&'a BTreeSet<String>),
    /// Nothing.
    None,
}

impl Rights<'_> {
    pub(crate) fn allow(self, method: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(methods) => methods.contains(method),
            Self::None => false,
        }
    }

    pub(crate) fn all(self) -> bool {
        self == Self::All
    }

    pub(crate) fn none(self) -> bool {
        self == Self::None
    }
}
