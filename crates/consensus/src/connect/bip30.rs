//! No two transactions with the same id (BIP30), and when there is no need to look.
//!
//! A transaction that is an exact copy of one whose outputs are still there would take their place, and the coins of
//! the first would be gone. Only coinbases can be copied, as any other transaction spends something; and since coinbases
//! begin with their height (BIP34) they differ, with the exceptions that make the code below longer than one line.

use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::{BlockHash, Height, Params};

use crate::Reject;

/// From this height on every block is looked at again: some block of before BIP34 happens to begin with this height, so
/// that its coinbase could be repeated here. It is the first height like that which matters.
pub const BIP30_LIMIT: Height = 1_983_702;

/// The two blocks of the main network that repeated a coinbase whose outputs were still there, by height and hash.
const REPEATS: [(Height, &str); 2] = [
    (
        91_842,
        "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec",
    ),
    (
        91_880,
        "00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721",
    ),
];

/// The two blocks whose coinbases were repeated.
const REPEATED: [(Height, &str); 2] = [
    (
        91_722,
        "00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e",
    ),
    (
        91_812,
        "00000000000af0aed4792b1acee3d966af36cf5def14935db8de83d6f9306f2f",
    ),
];

/// Whether the outputs of the block `hash` at `height` must not take the place of coins that are still there.
///
/// `bip34_ancestor` is the hash of its ancestor at [`Params::bip34_height`], if it is above that: on the chain where BIP34
/// became active at the known block, all coinbases behind it are known to differ, up to [`BIP30_LIMIT`].
pub fn enforce_bip30(
    params: &Params,
    height: Height,
    hash: &BlockHash,
    bip34_ancestor: Option<&BlockHash>,
) -> bool {
    if height >= BIP30_LIMIT {
        return true;
    }
    let coinbases_differ = bip34_ancestor == Some(&params.bip34_hash);
    !coinbases_differ && !is_bip30_repeat(height, hash)
}

/// Whether a block that keeps all other rules keeps BIP30 too, wherever it stands: all coinbases of its chain begin with their
/// heights (BIP34 holds from the first block on, as on signet, testnet4 and regtest), so that no two of them are the same; and a
/// copy of any other transaction would spend coins that the first one spent, unless what made them was copied before.
///
/// Then it is enough to look for overwritten coins in a block that is refused anyway, to name the rule that Bitcoin Core names.
pub fn is_bip30_implied(params: &Params) -> bool {
    params.bip34_height <= 1
}

/// Whether the coinbase of the block `hash` at `height` was repeated by a later block while its outputs were still there,
/// so that they are gone although nobody spent them. To undo the block takes no notice of that they are missing.
pub fn is_bip30_unspendable(height: Height, hash: &BlockHash) -> bool {
    is_one_of(&REPEATED, height, hash)
}

/// Whether the block is one of the two whose coinbase has the id of an earlier one that was not spent then (BIP30).
pub fn is_bip30_repeat(height: Height, hash: &BlockHash) -> bool {
    is_one_of(&REPEATS, height, hash)
}

fn is_one_of(blocks: &[(Height, &str)], height: Height, hash: &BlockHash) -> bool {
    blocks
        .iter()
        .any(|(at, name)| *at == height && name.parse::<BlockHash>().as_ref() == Ok(hash))
}

/// `bad-txns-BIP30`: an output of the block is named as a coin that is still there.
pub fn overwrites_coin(outpoint: OutPoint) -> Reject {
    Reject::consensus(
        "bad-txns-BIP30",
        format!("output {outpoint} would take the place of one that is not spent yet"),
    )
}

#[cfg(test)]
mod tests;
