//! The first 4,313 blocks of mainnet.

use std::path::Path;

use tipward_muhash::{MuHash, coin_bytes};
use tipward_oracle::{Coins, Oracle, Outcome};
use tipward_primitives::Network;

/// The blocks after the genesis block; `None` if the test data is missing, which is a failure only when `CI=true`.
fn blocks() -> Option<Vec<Vec<u8>>> {
    let root = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        Into::into,
    );
    let path = root.join("mainnet-blocks-0-4312.dat");
    let Ok(file) = std::fs::read(&path) else {
        let path = path.display();
        let ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(!ci, "test data is missing: {path}");
        eprintln!("skipped: {path} is missing");
        return None;
    };
    let mut blocks = Vec::new();
    let mut rest = file.as_slice();
    while let Some((frame, after)) = rest.split_first_chunk::<8>() {
        let [.., a, b, c, d] = *frame;
        let (block, after) = after.split_at(u32::from_le_bytes([a, b, c, d]) as usize);
        blocks.push(block.to_vec());
        rest = after;
    }
    Some(blocks.split_off(1))
}

fn muhash(coins: &Coins) -> String {
    let mut set = MuHash::EMPTY;
    let mut bytes = Vec::new();
    for (outpoint, coin) in coins.iter() {
        bytes.clear();
        coin_bytes(
            &mut bytes,
            outpoint,
            coin.height,
            coin.coinbase,
            coin.output.value.to_sat().try_into().unwrap(),
            coin.output.script_pubkey.as_bytes(),
        );
        set.insert(&bytes);
    }
    set.digest().to_string()
}

#[test]
fn they_connect_and_leave_the_coins_that_bitcoin_core_counts() {
    let Some(blocks) = blocks() else {
        return;
    };
    let mut oracle = Oracle::new(Network::Bitcoin).unwrap();
    for block in &blocks {
        let answer = oracle.process_block(block);
        assert_eq!(answer.outcome, Outcome::Stored);
        assert_eq!(answer.connected.len(), 1);
        assert!(answer.refused.is_empty());
    }
    assert_eq!(oracle.height(), 4312);
    assert_eq!(
        oracle.tip().to_string(),
        "00000000a9da635727dce622d78361b153ce3334e6a60d4377fad529abfc7863"
    );

    // What Bitcoin Core's `gettxoutsetinfo muhash` says at this block.
    let coins = oracle.coins().unwrap();
    assert_eq!(coins.len(), 4149);
    assert_eq!(coins.total(), 215_600 * 100_000_000);
    assert_eq!(
        muhash(&coins),
        "8ddda2747fb03d2bf57e08a23d4cab90f9e062c28bf5822760edc5238128a7e5"
    );
}
