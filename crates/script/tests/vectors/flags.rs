//! The flags that vectors name, as bits of Bitcoin Core's `script_verify_flags`.

use tipward_script::ScriptFlags;

/// Each flag by name, in the order of the bits.
pub(crate) const NAMES: [&str; 21] = [
    "P2SH",
    "STRICTENC",
    "DERSIG",
    "LOW_S",
    "NULLDUMMY",
    "SIGPUSHONLY",
    "MINIMALDATA",
    "DISCOURAGE_UPGRADABLE_NOPS",
    "CLEANSTACK",
    "CHECKLOCKTIMEVERIFY",
    "CHECKSEQUENCEVERIFY",
    "WITNESS",
    "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM",
    "MINIMALIF",
    "NULLFAIL",
    "WITNESS_PUBKEYTYPE",
    "CONST_SCRIPTCODE",
    "TAPROOT",
    "DISCOURAGE_UPGRADABLE_TAPROOT_VERSION",
    "DISCOURAGE_OP_SUCCESS",
    "DISCOURAGE_UPGRADABLE_PUBKEYTYPE",
];

/// A set of consensus and policy flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u64);

impl Flags {
    pub(crate) const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// Reads `P2SH,WITNESS`; the empty text and `NONE` are no flags.
    pub(crate) fn parse(list: &str) -> Self {
        let bits = list
            .split(',')
            .filter(|name| !name.is_empty() && *name != "NONE")
            .map(|name| {
                let bit = NAMES.iter().position(|n| *n == name);
                1 << bit.unwrap_or_else(|| panic!("unknown flag {name:?}"))
            })
            .fold(0, |all, bit: u64| all | bit);
        Self(bits)
    }

    /// This set without the bits of `other`.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those that libbitcoinkernel's public face takes.
    pub(crate) fn consensus(self) -> ScriptFlags {
        self.names()
            .filter_map(ScriptFlags::named)
            .fold(ScriptFlags::NONE, |all, flag| all | flag)
    }

    /// Whether the public face takes them all.
    pub(crate) fn is_consensus(self) -> bool {
        self.names().all(|name| ScriptFlags::named(name).is_some())
    }

    /// Each flag alone.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(|bit| Self(1 << bit))
    }

    /// Leaves out what needs another flag that is not there: witness needs P2SH, a clean stack needs witness.
    pub(crate) fn trimmed(self) -> Self {
        let [p2sh, witness, clean] =
            ["P2SH", "WITNESS", "CLEANSTACK"].map(|name| Self::parse(name).0);
        let mut bits = self.0;
        if bits & p2sh == 0 {
            bits &= !witness;
        }
        if bits & witness == 0 {
            bits &= !clean;
        }
        Self(bits)
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        (0..NAMES.len())
            .filter(move |bit| self.0 >> bit & 1 == 1)
            .map(|bit| NAMES[bit])
    }
}
