use tipward_primitives::{BlockHash, Header, Height, Params};

use crate::connect::{enforce_bip30, is_bip30_implied, subsidy};
use crate::{ScriptFlags, script_flags};

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
    /// The script rules that hold in it.
    pub script_flags: ScriptFlags,
    /// None of its outputs may take the place of a coin that is still there (BIP30).
    pub enforce_bip30: bool,
    /// No block that keeps all other rules can break that one ([`is_bip30_implied`]).
    pub bip30_implied: bool,
    /// Satoshis that it may create, on top of its fees.
    pub subsidy: u64,
}

impl BlockContext {
    /// The context of the block at `height` with this `header`, whose parent's median time past is
    /// `prev_median_time_past` (in seconds).
    ///
    /// Nothing is said of its ancestors, so that BIP30 holds in it wherever only they could spare it.
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
            None,
        )
    }

    /// The same for a header whose `hash` is known already, and with the hash of its ancestor at
    /// [`Params::bip34_height`] (`None` if the block itself is not above that).
    pub fn with_hash(
        params: &Params,
        header: Header,
        hash: BlockHash,
        height: Height,
        prev_median_time_past: u32,
        bip34_ancestor: Option<BlockHash>,
    ) -> Self {
        Self {
            header,
            hash,
            height,
            prev_median_time_past,
            bip34: height >= params.bip34_height,
            csv: height >= params.csv_height,
            segwit: height >= params.segwit_height,
            script_flags: script_flags(params, height, &hash),
            bip30_implied: is_bip30_implied(params),
            enforce_bip30: enforce_bip30(params, height, &hash, bip34_ancestor.as_ref()),
            subsidy: subsidy(params, height),
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
