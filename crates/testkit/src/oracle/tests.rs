use bitcoin::consensus::serialize;
use tipward_primitives::{Network, Params};

use super::*;
use crate::build::BlockBuilder;

#[test]
fn a_good_block_is_accepted_by_both_and_a_cut_one_by_neither() {
    let block = BlockBuilder::on_genesis(&Params::new(Network::Regtest)).build();
    let bytes = serialize(&block);
    assert!(parsers_agree(&bytes));
    for len in 0..bytes.len() {
        assert!(!parsers_agree(&bytes[..len]));
    }
}

#[test]
#[should_panic(expected = "assertion")]
fn a_difference_is_noticed() {
    let params = Params::new(Network::Regtest);
    let block = BlockBuilder::on_genesis(&params).build();
    let other = BlockBuilder::on_genesis(&params).extra_nonce(1).build();
    let raw = RawBlock::new(serialize(&block).into()).unwrap();
    same_block(&ParsedBlock::parse(raw).unwrap(), &other);
}
