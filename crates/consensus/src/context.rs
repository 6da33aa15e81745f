use tipward_primitives::{BlockHash, Header, Height, Params};

/// All that the rules about a block's body need of the header tree: it travels with the block, so that no worker has to
/// look anything up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// The block's header, already accepted into the header tree.
    pub header: Header,
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Median time of the eleven blocks before it (its parent's median time past), in seconds.
    pub prev_median_time_past: u32,
    /// The coinbase must begin with the height (BIP34).
    pub bip34: bool,
    /// Lock times are compared with the median time past instead of the block's own time (BIP113).
    pub csv: bool,
    /// Witness data is allowed and must be committed to (BIP141).
    pub segwit: bool,
}

impl BlockContext {
    /// The context of the block at `height` with this `header`, whose parent's median time past is
    /// `prev_median_time_past` (in seconds).
    pub fn new(
        params: &Params,
        header: Header,
        height: Height,
        prev_median_time_past: u32,
    ) -> Self {
        Self::with_hash(
            params,
            header,
            header.block_hash(),
            height,
            prev_median_time_past,
        )
    }

    /// The same for a header whose `hash` is known already.
    pub fn with_hash(
        params: &Params,
        header: Header,
        hash: BlockHash,
        height: Height,
        prev_median_time_past: u32,
    ) -> Self {
        Self {
            header,
            hash,
            height,
            prev_median_time_past,
            bip34: height >= params.bip34_height,
            csv: height >= params.csv_height,
            segwit: height >= params.segwit_height,
        }
    }

    /// The time, in seconds, that transaction lock times must lie before: the parent's median time past once BIP113
    /// is active, the block's own time before.
    pub fn lock_time_cutoff(&self) -> u32 {
        if self.csv {
            self.prev_median_time_past
        } else {
            self.header.time
        }
    }
}
