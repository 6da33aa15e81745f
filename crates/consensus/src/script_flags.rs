//! Which script rules hold in a block.
//!
//! Scripts themselves are judged by libbitcoinkernel; what is decided here is only which of its rules are switched on,
//! from the network's parameters, the block's height and its hash.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{BitAnd, BitOr};

use tipward_primitives::{BlockHash, Height, Params};

/// A set of script rules that are consensus rules from some block on.
///
/// The bits are our own; the `script` crate maps them to those of libbitcoinkernel.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ScriptFlags(u8);

impl ScriptFlags {
    /// The rules of 2009 alone.
    pub const NONE: Self = Self(0);
    /// Pay-to-script-hash (BIP16).
    pub const P2SH: Self = Self(1);
    /// Strict DER signatures (BIP66).
    pub const DERSIG: Self = Self(1 << 1);
    /// CHECKLOCKTIMEVERIFY (BIP65).
    pub const CHECKLOCKTIMEVERIFY: Self = Self(1 << 2);
    /// CHECKSEQUENCEVERIFY (BIP112).
    pub const CHECKSEQUENCEVERIFY: Self = Self(1 << 3);
    /// Segregated witness (BIP141, 143); implies [`Self::P2SH`].
    pub const WITNESS: Self = Self(1 << 4);
    /// The element that CHECKMULTISIG pops in excess is empty (BIP147).
    pub const NULLDUMMY: Self = Self(1 << 5);
    /// Taproot and tapscript (BIP341, 342).
    pub const TAPROOT: Self = Self(1 << 6);
    /// Every rule that is a consensus rule today.
    pub const ALL: Self = Self((1 << 7) - 1);

    /// Each rule with its name in Bitcoin Core, in the order of the names.
    const NAMES: [(Self, &'static str); 7] = [
        (Self::CHECKLOCKTIMEVERIFY, "CHECKLOCKTIMEVERIFY"),
        (Self::CHECKSEQUENCEVERIFY, "CHECKSEQUENCEVERIFY"),
        (Self::DERSIG, "DERSIG"),
        (Self::NULLDUMMY, "NULLDUMMY"),
        (Self::P2SH, "P2SH"),
        (Self::TAPROOT, "TAPROOT"),
        (Self::WITNESS, "WITNESS"),
    ];

    /// All rules of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The rules of both.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the rules of `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The rule that Bitcoin Core calls `name` (`P2SH`, `DERSIG`, ...), if it is a consensus rule.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find_map(|(flag, n)| (n == name).then_some(flag))
    }

    /// The names of the rules in this set, in alphabetical order, as `getdeploymentinfo` lists them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(flag, _)| self.contains(*flag))
            .map(|(_, name)| name)
    }
}

impl BitOr for ScriptFlags {
    type Output = Self;

    fn bitor(self, rhs: Self) -> Self {
        self.union(rhs)
    }
}

impl BitAnd for ScriptFlags {
    type Output = Self;

    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl fmt::Debug for ScriptFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("NONE");
        }
        for (i, name) in self.names().enumerate() {
            f.write_str(if i == 0 { "" } else { "|" })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// The script rules that hold in the block `hash` at `height`.
///
/// P2SH, witness and taproot are applied to all of history, before their activation too, because no block but those of
/// [`Params::script_flag_exceptions`] breaks them; that spares a lookup of when each became active. The others hold from
/// the height at which they were activated: there are earlier blocks that break them.
pub fn script_flags(params: &Params, height: Height, hash: &BlockHash) -> ScriptFlags {
    let exception = params
        .script_flag_exceptions
        .iter()
        .find(|exception| exception.block == *hash);
    let (p2sh, witness, taproot) = match exception {
        Some(e) => (e.p2sh, e.witness, e.taproot),
        None => (true, true, true),
    };
    [
        (ScriptFlags::P2SH, p2sh),
        (ScriptFlags::WITNESS, witness),
        (ScriptFlags::TAPROOT, taproot),
        (ScriptFlags::DERSIG, height >= params.bip66_height),
        (
            ScriptFlags::CHECKLOCKTIMEVERIFY,
            height >= params.bip65_height,
        ),
        (
            ScriptFlags::CHECKSEQUENCEVERIFY,
            height >= params.csv_height,
        ),
        // BIP147 was activated together with segregated witness.
        (ScriptFlags::NULLDUMMY, height >= params.segwit_height),
    ]
    .into_iter()
    .filter(|(_, holds)| *holds)
    .fold(ScriptFlags::NONE, |flags, (flag, _)| flags | flag)
}
