use tipward_consensus::header::{check_header_in_context, check_proof_of_work};
use tipward_consensus::{BlockContext, CheckedBlock, Reject, check_block};
use tipward_primitives::{Network, Timestamp};

use super::*;

fn check(params: &Params, block: &Block) -> Result<CheckedBlock, Reject> {
    let chain = [params.genesis.header];
    let now = Timestamp::from_secs(1_700_000_000);
    check_proof_of_work(params, block.block_hash(), block.header.bits)?;
    check_header_in_context(params, &chain[..], &block.header, now)?;
    let context = BlockContext::new(params, block.header, 1, params.genesis.header.time);
    check_block(&context, to_raw(block))
}

#[test]
fn a_block_to_order_is_valid() {
    let params = Params::new(Network::Regtest);
    let block = BlockBuilder::on_genesis(&params).build();
    let checked = check(&params, &block).unwrap();
    assert_eq!(checked.transaction_count(), 1);
    assert_eq!(
        block.txdata[0].output[0].value,
        Amount::from_int_btc(50),
        "the whole subsidy is taken"
    );
}

#[test]
fn a_flaw_breaks_the_rule_that_it_names() {
    let params = Params::new(Network::Regtest);
    for flaw in Flaw::HEADER.into_iter().chain(Flaw::BODY) {
        let block = BlockBuilder::on_genesis(&params).flaw(flaw).build();
        let reject = check(&params, &block).expect_err(&format!("{flaw:?}"));
        assert_eq!((reject.kind, &*reject.reason), flaw.reject(), "{flaw:?}");
    }
}

#[test]
fn repeated_transactions_are_seen_at_every_level_of_the_tree() {
    let params = Params::new(Network::Regtest);
    for count in 0..20 {
        let mut builder = BlockBuilder::on_genesis(&params).flaw(Flaw::RepeatedTransactions);
        for i in 0..count {
            let mut tx = params.genesis.txdata[0].clone();
            tx.input[0].previous_output.vout = i;
            builder = builder.transaction(tx, Amount::ZERO);
        }
        let reject = check(&params, &builder.build()).unwrap_err();
        assert_eq!(reject.reason, "bad-txns-duplicate");
    }
}

#[test]
fn the_subsidy_halves_until_nothing_is_left() {
    let params = Params::new(Network::Bitcoin);
    assert_eq!(subsidy(&params, 209_999), Amount::from_int_btc(50));
    assert_eq!(subsidy(&params, 210_000), Amount::from_int_btc(25));
    assert_eq!(subsidy(&params, 210_000 * 33), Amount::ZERO);
    assert_eq!(subsidy(&params, 210_000 * 64), Amount::ZERO);
}
