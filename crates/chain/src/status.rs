/// What became of a block: 16 bytes. Apart from the tree's entries, because it changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Status {
    /// Transactions in the chain up to and including this block; counts only if [`Status::LINKED`].
    pub(crate) chain_transactions: u64,
    /// Transactions in the block, which has at least one; zero until it is stored.
    pub(crate) transactions: u32,
    flags: u8,
}

impl Status {
    /// The block is in a block file. Until it was deleted to save space, that is.
    pub(crate) const STORED: u8 = 1;
    /// The block and all before it are, or were, stored.
    pub(crate) const LINKED: u8 = 1 << 1;
    /// The block or one before it breaks a rule, or the user said so. What builds on a block with this mark has it too.
    pub(crate) const FAILED: u8 = 1 << 2;
    /// The block is or once was part of the active chain: every rule was checked, but the scripts that are assumed valid.
    pub(crate) const WAS_ACTIVE: u8 = 1 << 3;

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn set(&mut self, flag: u8) {
        self.flags |= flag;
    }

    pub(crate) fn unset(&mut self, flag: u8) {
        self.flags &= !flag;
    }

    /// Neither the block nor one before it is known to break a rule.
    pub(crate) fn is_valid(self) -> bool {
        !self.has(Self::FAILED)
    }

    /// It can become part of the active chain: the whole way to it is stored and not known to be invalid.
    pub(crate) fn is_candidate(self) -> bool {
        self.has(Self::LINKED) && self.is_valid()
    }
}
