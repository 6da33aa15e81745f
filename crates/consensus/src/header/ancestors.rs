use tipward_primitives::{CompactTarget, Header, Height};

/// What the rules about a header need of one that comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Time that the header claims, in seconds since the Unix epoch.
    pub time: u32,
    /// Target that the header claims.
    pub bits: CompactTarget,
}

impl From<&Header> for Ancestor {
    fn from(header: &Header) -> Self {
        Self {
            time: header.time,
            bits: header.bits,
        }
    }
}

/// The branch of headers that a new one is judged against: from the genesis block to the new header's parent, which is
/// its tip.
pub trait HeaderChain {
    /// Height of the tip, which is the parent of the header that is judged.
    fn tip_height(&self) -> Height;

    /// The header of this branch at `height`, which is never above [`HeaderChain::tip_height`].
    fn header_at(&self, height: Height) -> Ancestor;

    /// The headers of this branch, from its tip back to the genesis block.
    ///
    /// The rules take eleven of them, and on a testnet up to a difficulty period. A tree that can go from a header to its
    /// parent faster than to a height should say so here.
    fn backwards(&self) -> impl Iterator<Item = Ancestor> {
        (0..=self.tip_height())
            .rev()
            .map(|height| self.header_at(height))
    }

    /// The tip itself.
    fn tip(&self) -> Ancestor {
        self.header_at(self.tip_height())
    }
}

/// A branch that is laid out whole, genesis block first; it must not be empty.
impl HeaderChain for [Header] {
    fn tip_height(&self) -> Height {
        Height::try_from(self.len().saturating_sub(1)).unwrap_or(Height::MAX)
    }

    fn header_at(&self, height: Height) -> Ancestor {
        Ancestor::from(&self[height as usize])
    }
}
