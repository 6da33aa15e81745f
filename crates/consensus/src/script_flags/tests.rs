use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{BlockHash, Network, Params};

use super::{ScriptFlags, script_flags};

/// P2SH, witness and taproot, which hold in all blocks but the excepted ones.
const ALWAYS: ScriptFlags =
    ScriptFlags(ScriptFlags::P2SH.0 | ScriptFlags::WITNESS.0 | ScriptFlags::TAPROOT.0);

fn any_hash() -> BlockHash {
    BlockHash::from_byte_array([7; 32])
}

fn hash(hex: &str) -> BlockHash {
    hex.parse().unwrap()
}

#[test]
fn each_rule_begins_exactly_at_its_height_on_mainnet() {
    let params = Params::new(Network::Bitcoin);
    let at = |height| script_flags(&params, height, &any_hash());
    use ScriptFlags as F;

    assert_eq!(at(0), ALWAYS);
    assert_eq!(at(363_724), ALWAYS);
    assert_eq!(at(363_725), ALWAYS | F::DERSIG);
    assert_eq!(at(388_380), ALWAYS | F::DERSIG);
    assert_eq!(at(388_381), ALWAYS | F::DERSIG | F::CHECKLOCKTIMEVERIFY);
    let before_csv = at(419_327);
    assert!(!before_csv.contains(F::CHECKSEQUENCEVERIFY));
    assert_eq!(at(419_328), before_csv | F::CHECKSEQUENCEVERIFY);
    let before_segwit = at(481_823);
    assert!(!before_segwit.contains(F::NULLDUMMY));
    assert_eq!(at(481_824), F::ALL);
    assert_eq!(at(u32::MAX), F::ALL);
}

#[test]
fn the_block_that_broke_p2sh_is_checked_without_it() {
    let params = Params::new(Network::Bitcoin);
    let block = hash("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22");
    assert_eq!(script_flags(&params, 170_060, &block), ScriptFlags::NONE);
    assert_eq!(script_flags(&params, 170_060, &any_hash()), ALWAYS);
    // The exception is about one block of one network.
    let testnet = Params::new(Network::Testnet);
    assert_eq!(script_flags(&testnet, 170_060, &block), ALWAYS);
}

#[test]
fn the_block_that_broke_taproot_keeps_every_other_rule() {
    let params = Params::new(Network::Bitcoin);
    let block = hash("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad");
    assert_eq!(
        script_flags(&params, 692_261, &block),
        ScriptFlags::ALL.without(ScriptFlags::TAPROOT)
    );
}

#[test]
fn the_p2sh_exception_of_testnet3_is_its_own() {
    let params = Params::new(Network::Testnet);
    let block = hash("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105");
    assert_eq!(script_flags(&params, 32_000, &block), ScriptFlags::NONE);
}

#[test]
fn signet_regtest_and_testnet4_have_every_rule_from_block_one() {
    for network in [Network::Signet, Network::Regtest, Network::Testnet4] {
        let params = Params::new(network);
        assert_eq!(
            script_flags(&params, 1, &any_hash()),
            ScriptFlags::ALL,
            "{network}"
        );
    }
}

#[test]
fn a_set_of_flags_is_written_with_the_names_that_it_is_read_by() {
    assert_eq!(format!("{:?}", ScriptFlags::NONE), "NONE");
    let some = ScriptFlags::P2SH | ScriptFlags::WITNESS;
    assert_eq!(format!("{some:?}"), "P2SH|WITNESS");
    let again = ScriptFlags::ALL
        .names()
        .map(|name| ScriptFlags::named(name).unwrap())
        .fold(ScriptFlags::NONE, |all, flag| all | flag);
    assert_eq!(again, ScriptFlags::ALL);
    assert!(ScriptFlags::ALL.names().is_sorted());
    assert_eq!(ScriptFlags::named("LOW_S"), None);
}
