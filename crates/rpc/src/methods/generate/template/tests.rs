use std::sync::Arc;

use tipward_chain::Chain;
use tipward_consensus::check_block;
use tipward_primitives::{Network, Params, RawBlock};

use super::*;

fn regtest() -> Chain {
    Chain::new(Arc::new(Params::new(Network::Regtest)))
}

fn now(chain: &Chain) -> Timestamp {
    Timestamp::from_secs(u64::from(chain.view().params().genesis.header.time) + 5000)
}

/// Makes a block on the tip and takes it.
fn extend(chain: &mut Chain, script: &ScriptBuf) -> Block {
    let at = now(chain);
    let template = Template::on_tip(&chain.view(), at);
    let (block, _) = mine(template.block(script, Vec::new()), 1000);
    let block = block.expect("every other nonce meets the target of regtest");
    let id = chain.accept_header(&block.header, at).unwrap().id;
    let raw = RawBlock::new(bitcoin::consensus::serialize(&block).into()).unwrap();
    check_block(&chain.view().context(id), raw).unwrap();
    chain.mark_stored(&block.block_hash(), 1);
    chain.set_tip(&block.block_hash());
    block
}

#[test]
fn the_blocks_keep_every_rule_that_needs_no_coins() {
    let mut chain = regtest();
    let script = ScriptBuf::from_bytes(vec![0x51]);
    for height in 1..=20 {
        let block = extend(&mut chain, &script);
        let coinbase = &block.txdata[0];
        assert!((2..=100).contains(&coinbase.input[0].script_sig.len()));
        assert_eq!(coinbase.output[0].script_pubkey, script);
        assert_eq!(chain.view().tip_height(), height);
    }
}

#[test]
fn the_time_is_now_but_after_the_median_of_the_past() {
    let mut chain = regtest();
    let genesis_time = chain.view().params().genesis.header.time;
    let early = Template::on_tip(&chain.view(), Timestamp::from_secs(1));
    assert_eq!(early.header.time, genesis_time + 1);
    let late = Template::on_tip(&chain.view(), now(&chain));
    assert_eq!(late.header.time, genesis_time + 5000);
    extend(&mut chain, &ScriptBuf::new());
    let next = Template::on_tip(&chain.view(), now(&chain));
    let view = chain.view();
    assert!(next.header.time > view.median_time_past(view.tip()));
}

#[test]
fn mining_ends_when_the_tries_do() {
    let template = Template::on_tip(&regtest().view(), Timestamp::from_secs(1));
    let mut block = template.block(&ScriptBuf::new(), Vec::new());
    assert_eq!(mine(block.clone(), 0), (None, 0));
    // No hash is below this target.
    block.header.bits = bitcoin::CompactTarget::from_consensus(0x0100_0001);
    assert_eq!(mine(block.clone(), 7), (None, 0));
    block.header.nonce = u32::MAX - 2;
    assert_eq!(mine(block, 7), (None, 5), "there are no more nonces");
}
