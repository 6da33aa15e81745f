//! The merkle tree of a block, and the way it can lie.
//!
//! # The lie (CVE-2012-2459)
//!
//! A level of the tree with an odd number of nodes is made even by repeating its last one. So a list that ends in
//! `.. a b c` and one that ends in `.. a b c c` have the same root: whoever relays a valid block can append a copy of its
//! last transactions, and the header still commits to what is now an invalid block. A node that then condemned the header
//! would never accept the true block. No honest list ever has two equal nodes side by side at an even position, for that
//! takes a transaction twice, so we look for exactly that at each level and call the body mutated.

use crate::hash::sha256d_pair;

/// Root of a merkle tree, and whether the list may be a mutated one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MerkleRoot {
    /// The root; all zero for a tree without leaves.
    pub root: [u8; 32],
    /// Two equal nodes stand side by side where only a repeated transaction can put them.
    pub mutated: bool,
}

/// The merkle root of `leaves`, which it leaves as they are.
pub fn merkle_root(leaves: &[[u8; 32]]) -> MerkleRoot {
    if let [leaf] = leaves {
        return MerkleRoot {
            root: *leaf,
            mutated: false,
        };
    }
    let mut mutated = has_equal_pair(leaves);
    let mut level: Vec<[u8; 32]> = leaves.chunks(2).map(parent).collect();
    while level.len() > 1 {
        mutated |= has_equal_pair(&level);
        let parents = level.len().div_ceil(2);
        for at in 0..parents {
            // The parents are written over nodes that were read already.
            let children = &level[2 * at..level.len().min(2 * at + 2)];
            level[at] = parent(children);
        }
        level.truncate(parents);
    }
    MerkleRoot {
        root: level.first().copied().unwrap_or_default(),
        mutated,
    }
}

fn has_equal_pair(level: &[[u8; 32]]) -> bool {
    level
        .chunks_exact(2)
        .any(|children| children[0] == children[1])
}

/// The parent of one or two nodes; a lone one counts twice.
fn parent(children: &[[u8; 32]]) -> [u8; 32] {
    sha256d_pair(&children[0], &children[children.len() - 1])
}

#[cfg(test)]
mod tests;
