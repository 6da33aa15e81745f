use tipward_primitives::{CompactTarget, Params};

use super::*;

#[test]
fn difficulties_are_those_of_core() {
    for (bits, shown) in [
        (0x1d00_ffff, "1"),
        (0x1b04_04cb, "16307.42093852398"),
        (0x1703_255b, "89471664776970.77"),
        (0x207f_ffff, "4.656542373906925e-10"),
    ] {
        let difficulty = chain::difficulty(CompactTarget::from_consensus(bits));
        assert_eq!(crate::json::float(difficulty).to_string(), shown);
    }
}

#[test]
fn progress_grows_from_nothing_to_one() {
    use std::sync::Arc;
    use tipward_chain::Chain;

    for network in [
        Network::Bitcoin,
        Network::Testnet,
        Network::Testnet4,
        Network::Signet,
        Network::Regtest,
    ] {
        let params = Arc::new(Params::new(network));
        let genesis_time = u64::from(params.genesis.header.time);
        let view = Chain::new(params).view();
        let late = progress::estimate(&view, 1_800_000_000);
        assert!(late > 0.0 && late < 1e-5, "{network}: {late}");
        let at_once = progress::estimate(&view, genesis_time);
        assert!((late..=1.0).contains(&at_once), "{network}: {at_once}");
    }
}
