//! The typed calls of `bitcoincore-rpc`: every answer must parse into the type that it made for Bitcoin Core's.

use std::collections::HashMap;

use bitcoincore_rpc::bitcoin::consensus::encode::serialize_hex;
use bitcoincore_rpc::bitcoin::{Amount, Network, OutPoint, Txid};
use bitcoincore_rpc::json::{
    CreateRawTransactionInput, GetChainTipsResultStatus, ScanTxOutRequest, TxOutSetHashType,
};
use bitcoincore_rpc::jsonrpc::error::{Error as JsonError, RpcError};
use bitcoincore_rpc::{Error, RpcApi as _};

use crate::node::{RegtestNode, address, generate, generate_marked};

#[test]
fn typed_calls_about_the_chain_understand_every_answer() {
    let node = RegtestNode::start();
    let client = node.client();
    let made = generate(&client, 101);
    let tip = *made.last().unwrap();
    let info = client.get_blockchain_info().unwrap();
    assert_eq!((info.chain, info.blocks), (Network::Regtest, 101));
    assert_eq!(info.best_block_hash, tip);
    assert!(!info.initial_block_download && !info.pruned);
    assert_eq!(client.get_best_block_hash().unwrap(), tip);
    assert_eq!(client.get_block_hash(101).unwrap(), tip);
    assert!(client.get_difficulty().unwrap() > 0.0);

    let block = client.get_block(&tip).unwrap();
    assert_eq!(block.block_hash(), tip);
    assert_eq!(client.get_block_hex(&tip).unwrap(), serialize_hex(&block));
    let details = client.get_block_info(&tip).unwrap();
    assert_eq!((details.height, details.confirmations), (101, 1));
    assert_eq!(details.tx, [block.txdata[0].compute_txid()]);
    assert_eq!(client.get_block_header(&tip).unwrap(), block.header);
    let header = client.get_block_header_info(&tip).unwrap();
    assert_eq!(header.previous_block_hash, Some(made[99]));
    let stats = client.get_block_stats(101).unwrap();
    assert_eq!((stats.txs, stats.height), (1, 101));

    generate_marked(&client, 7);
    client
        .invalidate_block(&client.get_best_block_hash().unwrap())
        .unwrap();
    let tips = client.get_chain_tips().unwrap();
    assert!(
        tips.iter()
            .any(|tip| tip.status == GetChainTipsResultStatus::Invalid)
    );
    let waited = client.wait_for_new_block(1).unwrap();
    assert_eq!(waited.height, 101);
}

#[test]
fn typed_calls_about_coins_and_transactions_understand_every_answer() {
    let node = RegtestNode::start();
    let client = node.client();
    let made = generate(&client, 102);
    let first = client.get_block(&made[0]).unwrap();
    let txid = first.txdata[0].compute_txid();
    let coin = client.get_tx_out(&txid, 0, None).unwrap().unwrap();
    assert_eq!((coin.confirmations, coin.coinbase), (102, true));
    assert_eq!(coin.value, Amount::from_int_btc(50));
    assert!(client.get_tx_out(&txid, 1, None).unwrap().is_none());
    let set = client
        .get_tx_out_set_info(Some(TxOutSetHashType::Muhash), None, None)
        .unwrap();
    assert_eq!((set.height, set.tx_outs), (102, 102));
    assert_eq!(set.total_amount, Amount::from_int_btc(50 * 102));
    let descriptor = format!("addr({})", address());
    let found = client
        .scan_tx_out_set_blocking(&[ScanTxOutRequest::Single(descriptor)])
        .unwrap();
    assert_eq!(found.unspents.len(), 102);

    let raw = client.get_raw_transaction(&txid, Some(&made[0])).unwrap();
    assert_eq!(raw, first.txdata[0]);
    let info = client
        .get_raw_transaction_info(&txid, Some(&made[0]))
        .unwrap();
    assert_eq!(
        (info.confirmations, info.blockhash),
        (Some(102), Some(made[0]))
    );
    let input = CreateRawTransactionInput {
        txid,
        vout: 0,
        sequence: None,
    };
    let outputs = HashMap::from([(address().to_string(), Amount::from_sat(1234))]);
    let tx = client
        .create_raw_transaction(&[input], &outputs, Some(7), Some(true))
        .unwrap();
    assert_eq!(tx.input[0].previous_output, OutPoint::new(txid, 0));
    assert_eq!(tx.output[0].value, Amount::from_sat(1234));
}

#[test]
fn typed_calls_about_the_network_and_the_node_understand_every_answer() {
    let node = RegtestNode::start();
    let client = node.client();
    generate(&client, 3);
    let network = client.get_network_info().unwrap();
    assert!(network.subversion.starts_with("/tipward:"));
    assert_eq!(network.connections, 0);
    assert!(client.version().unwrap() >= 310_000);
    assert!(client.get_peer_info().unwrap().is_empty());
    assert_eq!(client.get_connection_count().unwrap(), 0);
    assert_eq!(client.get_net_totals().unwrap().total_bytes_sent, 0);
    assert!(client.get_added_node_info(None).unwrap().is_empty());
    assert!(client.get_node_addresses(None).unwrap().is_empty());
    client.ping().unwrap();

    client.add_ban("1.2.3.0/24", 3600, false).unwrap();
    let bans = client.list_banned().unwrap();
    assert_eq!(bans.len(), 1);
    assert_eq!(bans[0].address, "1.2.3.0/24");
    client.remove_ban("1.2.3.0/24").unwrap();
    client.add_ban("1.2.3.4", 0, false).unwrap();
    client.clear_banned().unwrap();
    assert!(client.list_banned().unwrap().is_empty());
    assert!(!client.set_network_active(false).unwrap());
    assert!(client.set_network_active(true).unwrap());

    let mining = client.get_mining_info().unwrap();
    assert_eq!((mining.blocks, mining.chain), (3, Network::Regtest));
    assert!(client.get_network_hash_ps(None, None).unwrap() >= 0.0);
    let pool = client.get_mempool_info().unwrap();
    assert_eq!((pool.size, pool.loaded), (0, Some(true)));
    assert!(client.get_raw_mempool().unwrap().is_empty());
    assert!(client.get_raw_mempool_verbose().unwrap().is_empty());
    let fee = client.estimate_smart_fee(6, None).unwrap();
    assert!(fee.fee_rate.is_none() && fee.errors.is_some());
    assert!(client.get_index_info().unwrap().txindex.is_none());
    assert!(client.get_zmq_notifications().unwrap().is_empty());
    client.uptime().unwrap();
}

#[test]
fn typed_calls_understand_refusals() {
    let node = RegtestNode::start();
    let client = node.client();
    let code = |error: Error| match error {
        Error::JsonRpc(JsonError::Rpc(RpcError { code, .. })) => code,
        other => panic!("{other}"),
    };
    let unknown: Txid = "11".repeat(32).parse().unwrap();
    assert_eq!(code(client.get_block_hash(1).unwrap_err()), -8);
    assert_eq!(
        code(client.get_raw_transaction(&unknown, None).unwrap_err()),
        -5
    );
    assert_eq!(code(client.get_mempool_entry(&unknown).unwrap_err()), -5);
    assert_eq!(code(client.get_wallet_info().unwrap_err()), -32601);
    assert_eq!(code(client.remove_ban("1.2.3.4").unwrap_err()), -30);
}
