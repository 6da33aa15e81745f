use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{Network, Txid};

use super::*;

fn hash(hex: &str) -> BlockHash {
    hex.parse().unwrap()
}

fn other() -> BlockHash {
    BlockHash::from_byte_array([5; 32])
}

#[test]
fn only_the_two_blocks_that_repeated_a_coinbase_may() {
    let params = Params::new(Network::Bitcoin);
    for (height, name) in REPEATS {
        let enforced = |height, hash: BlockHash| enforce_bip30(&params, height, &hash, None);
        assert!(!enforced(height, hash(name)));
        assert!(enforced(height, other()));
        assert!(enforced(height - 1, hash(name)));
        assert!(enforced(height + 1, hash(name)));
    }
}

#[test]
fn behind_the_known_block_of_bip34_coinbases_differ() {
    let params = Params::new(Network::Bitcoin);
    let enforced = |height, ancestor: Option<BlockHash>| {
        enforce_bip30(&params, height, &other(), ancestor.as_ref())
    };
    let known = Some(params.bip34_hash);
    assert!(enforced(params.bip34_height, None));
    assert!(!enforced(params.bip34_height + 1, known));
    assert!(enforced(params.bip34_height + 1, Some(other())));
    assert!(!enforced(BIP30_LIMIT - 1, known));
    assert!(enforced(BIP30_LIMIT, known));
    assert!(enforced(BIP30_LIMIT + 1, known));
}

#[test]
fn where_no_block_of_bip34_is_known_it_is_always_enforced() {
    for network in [Network::Testnet4, Network::Signet, Network::Regtest] {
        let params = Params::new(network);
        assert!(enforce_bip30(&params, 1, &other(), None), "{network}");
        assert!(
            enforce_bip30(&params, 500, &other(), Some(&other())),
            "{network}"
        );
    }
}

#[test]
fn bip34_from_the_first_block_on_implies_it() {
    for network in [Network::Testnet4, Network::Signet, Network::Regtest] {
        assert!(is_bip30_implied(&Params::new(network)), "{network}");
    }
    for network in [Network::Bitcoin, Network::Testnet] {
        assert!(!is_bip30_implied(&Params::new(network)), "{network}");
    }
    let mut later = Params::new(Network::Regtest);
    later.bip34_height = 2;
    assert!(!is_bip30_implied(&later));
}

#[test]
fn the_repeated_coinbases_are_known() {
    for (height, name) in REPEATED {
        assert!(is_bip30_unspendable(height, &hash(name)));
        assert!(!is_bip30_unspendable(height, &other()));
        assert!(!is_bip30_unspendable(height + 1, &hash(name)));
    }
}

#[test]
fn an_output_in_the_place_of_a_coin_is_named() {
    let outpoint = OutPoint::new(Txid::from_byte_array([5; 32]), 3);
    let reject = overwrites_coin(outpoint);
    assert_eq!(reject.reason, "bad-txns-BIP30");
    assert_eq!(reject.kind, crate::RejectKind::Consensus);
    assert!(reject.detail.contains(&outpoint.to_string()), "{reject}");
}
