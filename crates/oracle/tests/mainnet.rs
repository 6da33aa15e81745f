//! The first 4,313 blocks of mainnet.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use tipward_oracle::differential::Pair;
use tipward_primitives::{Network, Params, RawBlock};
use tipward_validation::Options;

/// The blocks after the genesis block; `None` if the test data is missing, which is a failure only when `CI=true`.
fn blocks() -> Option<Vec<RawBlock>> {
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
        blocks.extend(RawBlock::new(block.to_vec().into()));
        rest = after;
    }
    Some(blocks.split_off(1))
}

#[test]
fn they_connect_and_leave_the_coins_that_bitcoin_core_counts() {
    let Some(blocks) = blocks() else {
        return;
    };
    // No script is assumed to be valid.
    let mut pair = Pair::new(Params::new(Network::Bitcoin), Options::default()).unwrap();
    pair.submit_all(&blocks).unwrap();
    assert_eq!(pair.local().height(), 4312);
    assert_eq!(
        pair.local().tip().to_string(),
        "00000000a9da635727dce622d78361b153ce3334e6a60d4377fad529abfc7863"
    );
    pair.compare_coins().unwrap();

    // What Bitcoin Core's `gettxoutsetinfo muhash` says at this block.
    let info = pair.local().set_info().unwrap();
    assert_eq!(info.coins, 4149);
    assert_eq!(info.total_amount, 215_600 * 100_000_000);
    assert_eq!(
        info.muhash.unwrap().to_string(),
        "8ddda2747fb03d2bf57e08a23d4cab90f9e062c28bf5822760edc5238128a7e5"
    );
}
