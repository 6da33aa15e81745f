//! Scripts without what every script of their kind repeats: one byte for the kind, and the hash or key in it.
//!
//! This is the form in which coins stand in memory and in the store. It is not Bitcoin Core's (see
//! [`compress`](crate::compress)): it knows the witness kinds, and costs nothing to make or undo, because it never
//! touches a curve.

#[cfg(test)]
mod tests;

/// What a script is made of: its kind, and the bytes that differ between scripts of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
}

/// The numbers are on disk: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Anything else, as it is.
    Raw = 0,
    P2pkh = 1,
    P2sh = 2,
    P2wpkh = 3,
    P2wsh = 4,
    P2tr = 5,
    /// A public key whose first byte is 2.
    P2pkEven = 6,
    /// A public key whose first byte is 3.
    P2pkOdd = 7,
}

impl Kind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Raw,
            1 => Self::P2pkh,
            2 => Self::P2sh,
            3 => Self::P2wpkh,
            4 => Self::P2wsh,
            5 => Self::P2tr,
            6 => Self::P2pkEven,
            7 => Self::P2pkOdd,
            _ => return None,
        })
    }

    /// Bytes of its payload; `None`: any number.
    pub(crate) fn payload_size(self) -> Option<usize> {
        match self {
            Self::Raw => None,
            Self::P2pkh | Self::P2sh | Self::P2wpkh => Some(20),
            Self::P2wsh | Self::P2tr | Self::P2pkEven | Self::P2pkOdd => Some(32),
        }
    }

    /// What stands before and after the payload.
    fn frame(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Raw => (&[], &[]),
            // OP_DUP OP_HASH160 <20> OP_EQUALVERIFY OP_CHECKSIG
            Self::P2pkh => (&[0x76, 0xa9, 20], &[0x88, 0xac]),
            // OP_HASH160 <20> OP_EQUAL
            Self::P2sh => (&[0xa9, 20], &[0x87]),
            // OP_0 <20>
            Self::P2wpkh => (&[0, 20], &[]),
            // OP_0 <32>
            Self::P2wsh => (&[0, 32], &[]),
            // OP_1 <32>
            Self::P2tr => (&[0x51, 32], &[]),
            // <33> OP_CHECKSIG
            Self::P2pkEven => (&[33, 2], &[0xac]),
            Self::P2pkOdd => (&[33, 3], &[0xac]),
        }
    }
}

impl<'a> Form<'a> {
    /// The form of a script.
    pub(crate) fn of(script: &'a [u8]) -> Self {
        // The size says which kinds are possible, so that at most three comparisons are made.
        let candidates: &[Kind] = match script.len() {
            22 => &[Kind::P2wpkh],
            23 => &[Kind::P2sh],
            25 => &[Kind::P2pkh],
            34 => &[Kind::P2tr, Kind::P2wsh],
            35 => &[Kind::P2pkEven, Kind::P2pkOdd],
            _ => &[],
        };
        for &kind in candidates {
            let (before, after) = kind.frame();
            if let Some(payload) = script
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
            {
                return Self { kind, payload };
            }
        }
        Self {
            kind: Kind::Raw,
            payload: script,
        }
    }

    /// Appends the script.
    pub(crate) fn expand(&self, to: &mut Vec<u8>) {
        let (before, after) = self.kind.frame();
        to.extend_from_slice(before);
        to.extend_from_slice(self.payload);
        to.extend_from_slice(after);
    }
}
