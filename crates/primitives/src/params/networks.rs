//! The five networks, one function each.

use bitcoin::blockdata::constants::genesis_block;
use bitcoin::hashes::{Hash as _, sha256d};
use bitcoin::pow::{CompactTarget, Target, Work};
use bitcoin::{BlockHash, Network, ScriptBuf};

use super::{
    Deployment, DeploymentPos, HeaderSyncParams, Params, ScriptFlagException, SignetOptions,
};

const TWO_WEEKS: u32 = 14 * 24 * 60 * 60;
const TEN_MINUTES: u32 = 10 * 60;

fn hash(hex: &str) -> BlockHash {
    hex.parse().expect("a block hash written in this file")
}

fn work(hex: &str) -> Work {
    Work::from_be_bytes(bytes32(hex))
}

fn target(hex: &str) -> Target {
    Target::from_be_bytes(bytes32(hex))
}

fn bytes32(hex: &str) -> [u8; 32] {
    // A hash is written in the same order as a big-endian number, and kept in the other one.
    let mut bytes = hash(hex).to_byte_array();
    bytes.reverse();
    bytes
}

fn seeds(names: &[&str]) -> Vec<String> {
    names.iter().map(|s| (*s).to_owned()).collect()
}

fn test_dummy(start_time: i64, threshold: u32, period: u32) -> Vec<Deployment> {
    vec![Deployment {
        pos: DeploymentPos::TestDummy,
        bit: 28,
        start_time,
        timeout: Deployment::NO_TIMEOUT,
        min_activation_height: 0,
        threshold,
        period,
    }]
}

pub(super) fn main() -> Params {
    let genesis = genesis_block(Network::Bitcoin);
    Params {
        network: Network::Bitcoin,
        chain_name: "main",
        magic: [0xf9, 0xbe, 0xb4, 0xd9],
        p2p_port: 8333,
        rpc_port: 8332,
        genesis_hash: genesis.block_hash(),
        genesis,
        dns_seeds: seeds(&[
            "dnsseed.bluematt.me",
            "seed.bitcoin.jonasschnelli.ch",
            "seed.btc.petertodd.net",
            "seed.bitcoin.sprovoost.nl",
            "dnsseed.emzy.de",
            "seed.bitcoin.wiz.biz",
            "seed.mainnet.achownodes.xyz",
        ]),
        fixed_seeds: include_str!("seeds/main.txt"),
        pow_limit: target("00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        pow_limit_bits: CompactTarget::from_consensus(0x1d00_ffff),
        pow_target_timespan: TWO_WEEKS,
        pow_target_spacing: TEN_MINUTES,
        pow_allow_min_difficulty: false,
        pow_no_retargeting: false,
        enforce_bip94: false,
        subsidy_halving_interval: 210_000,
        bip34_height: 227_931,
        bip34_hash: hash("000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8"),
        bip65_height: 388_381,
        bip66_height: 363_725,
        csv_height: 419_328,
        segwit_height: 481_824,
        deployments: test_dummy(Deployment::NEVER_ACTIVE, 1815, 2016),
        version_bits_warning_height: 711_648,
        script_flag_exceptions: vec![
            ScriptFlagException {
                block: hash("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22"),
                p2sh: false,
                witness: false,
                taproot: false,
            },
            ScriptFlagException {
                block: hash("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad"),
                p2sh: true,
                witness: true,
                taproot: false,
            },
        ],
        signet_challenge: None,
        minimum_chain_work: work(
            "0000000000000000000000000000000000000001128750f82f4c366153a3a030",
        ),
        // Height 938343.
        assume_valid: hash("00000000000000000000ccebd6d74d9194d8dcdc1d177c478e094bfad51ba5ac"),
        header_sync: HeaderSyncParams {
            commitment_period: 641,
            redownload_buffer_size: 15_218,
        },
        assumed_chain_size_gb: 856,
    }
}

pub(super) fn testnet3() -> Params {
    let genesis = genesis_block(Network::Testnet);
    Params {
        network: Network::Testnet,
        chain_name: "test",
        magic: [0x0b, 0x11, 0x09, 0x07],
        p2p_port: 18_333,
        rpc_port: 18_332,
        genesis_hash: genesis.block_hash(),
        genesis,
        dns_seeds: seeds(&[
            "testnet-seed.bitcoin.jonasschnelli.ch",
            "seed.tbtc.petertodd.net",
            "seed.testnet.bitcoin.sprovoost.nl",
            "testnet-seed.bluematt.me",
            "seed.testnet.achownodes.xyz",
        ]),
        fixed_seeds: include_str!("seeds/testnet3.txt"),
        pow_limit: target("00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        pow_limit_bits: CompactTarget::from_consensus(0x1d00_ffff),
        pow_target_timespan: TWO_WEEKS,
        pow_target_spacing: TEN_MINUTES,
        pow_allow_min_difficulty: true,
        pow_no_retargeting: false,
        enforce_bip94: false,
        subsidy_halving_interval: 210_000,
        bip34_height: 21_111,
        bip34_hash: hash("0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8"),
        bip65_height: 581_885,
        bip66_height: 330_776,
        csv_height: 770_112,
        segwit_height: 834_624,
        deployments: test_dummy(Deployment::NEVER_ACTIVE, 1512, 2016),
        version_bits_warning_height: 2_013_984,
        script_flag_exceptions: vec![ScriptFlagException {
            block: hash("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105"),
            p2sh: false,
            witness: false,
            taproot: false,
        }],
        signet_challenge: None,
        minimum_chain_work: work(
            "0000000000000000000000000000000000000000000017dde1c649f3708d14b6",
        ),
        // Height 4842348.
        assume_valid: hash("000000007a61e4230b28ac5cb6b5e5a0130de37ac1faf2f8987d2fa6505b67f4"),
        header_sync: HeaderSyncParams {
            commitment_period: 673,
            redownload_buffer_size: 14_460,
        },
        assumed_chain_size_gb: 245,
    }
}

pub(super) fn testnet4() -> Params {
    let genesis = genesis_block(Network::Testnet4);
    Params {
        network: Network::Testnet4,
        chain_name: "testnet4",
        magic: [0x1c, 0x16, 0x3f, 0x28],
        p2p_port: 48_333,
        rpc_port: 48_332,
        genesis_hash: genesis.block_hash(),
        genesis,
        dns_seeds: seeds(&[
            "seed.testnet4.bitcoin.sprovoost.nl",
            "seed.testnet4.wiz.biz",
        ]),
        fixed_seeds: include_str!("seeds/testnet4.txt"),
        enforce_bip94: true,
        bip34_height: 1,
        bip34_hash: BlockHash::all_zeros(),
        bip65_height: 1,
        bip66_height: 1,
        csv_height: 1,
        segwit_height: 1,
        version_bits_warning_height: 0,
        script_flag_exceptions: Vec::new(),
        minimum_chain_work: work(
            "0000000000000000000000000000000000000000000009a0fe15d0177d086304",
        ),
        // Height 123613.
        assume_valid: hash("0000000002368b1e4ee27e2e85676ae6f9f9e69579b29093e9a82c170bf7cf8a"),
        header_sync: HeaderSyncParams {
            commitment_period: 606,
            redownload_buffer_size: 16_092,
        },
        assumed_chain_size_gb: 31,
        ..testnet3()
    }
}

/// The challenge of the public signet: one of two keys signs each block.
const DEFAULT_SIGNET_CHALLENGE: &str = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae";

pub(super) fn signet(options: &SignetOptions) -> Params {
    let genesis = genesis_block(Network::Signet);
    let public = options.challenge.is_none();
    let challenge = options.challenge.clone().unwrap_or_else(|| {
        ScriptBuf::from_hex(DEFAULT_SIGNET_CHALLENGE).expect("a script written in this file")
    });
    let dns_seeds = match (&options.seeds, public) {
        (Some(own), _) => own.clone(),
        (None, true) => seeds(&[
            "seed.signet.bitcoin.sprovoost.nl",
            "seed.signet.achownodes.xyz",
        ]),
        (None, false) => Vec::new(),
    };
    Params {
        network: Network::Signet,
        chain_name: "signet",
        magic: signet_magic(&challenge),
        p2p_port: 38_333,
        rpc_port: 38_332,
        genesis_hash: genesis.block_hash(),
        genesis,
        dns_seeds,
        fixed_seeds: if public {
            include_str!("seeds/signet.txt")
        } else {
            ""
        },
        pow_limit: target("00000377ae000000000000000000000000000000000000000000000000000000"),
        pow_limit_bits: CompactTarget::from_consensus(0x1e03_77ae),
        pow_target_timespan: TWO_WEEKS,
        pow_target_spacing: TEN_MINUTES,
        pow_allow_min_difficulty: false,
        pow_no_retargeting: false,
        enforce_bip94: false,
        subsidy_halving_interval: 210_000,
        bip34_height: 1,
        bip34_hash: BlockHash::all_zeros(),
        bip65_height: 1,
        bip66_height: 1,
        csv_height: 1,
        segwit_height: 1,
        deployments: test_dummy(Deployment::NEVER_ACTIVE, 1815, 2016),
        version_bits_warning_height: 0,
        script_flag_exceptions: Vec::new(),
        signet_challenge: Some(challenge),
        minimum_chain_work: if public {
            work("00000000000000000000000000000000000000000000000000000b463ea0a4b8")
        } else {
            Work::from_be_bytes([0; 32])
        },
        // Height 293175.
        assume_valid: if public {
            hash("00000008414aab61092ef93f1aacc54cf9e9f16af29ddad493b908a01ff5c329")
        } else {
            BlockHash::all_zeros()
        },
        header_sync: HeaderSyncParams {
            commitment_period: 620,
            redownload_buffer_size: 15_724,
        },
        assumed_chain_size_gb: if public { 24 } else { 0 },
    }
}

/// Magic of a signet: the first four bytes of the double SHA-256 of its challenge, serialized with its length (BIP325).
fn signet_magic(challenge: &ScriptBuf) -> [u8; 4] {
    let serialized = bitcoin::consensus::serialize(challenge);
    let digest = sha256d::Hash::hash(&serialized).to_byte_array();
    [digest[0], digest[1], digest[2], digest[3]]
}

pub(super) fn regtest() -> Params {
    let genesis = genesis_block(Network::Regtest);
    Params {
        network: Network::Regtest,
        chain_name: "regtest",
        magic: [0xfa, 0xbf, 0xb5, 0xda],
        p2p_port: 18_444,
        rpc_port: 18_443,
        genesis_hash: genesis.block_hash(),
        genesis,
        dns_seeds: seeds(&["dummySeed.invalid"]),
        fixed_seeds: "",
        pow_limit: target("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        pow_limit_bits: CompactTarget::from_consensus(0x207f_ffff),
        pow_target_timespan: 24 * 60 * 60,
        pow_target_spacing: TEN_MINUTES,
        pow_allow_min_difficulty: true,
        pow_no_retargeting: true,
        enforce_bip94: false,
        subsidy_halving_interval: 150,
        bip34_height: 1,
        bip34_hash: BlockHash::all_zeros(),
        bip65_height: 1,
        bip66_height: 1,
        csv_height: 1,
        segwit_height: 0,
        deployments: test_dummy(0, 108, 144),
        version_bits_warning_height: 0,
        script_flag_exceptions: Vec::new(),
        signet_challenge: None,
        minimum_chain_work: Work::from_be_bytes([0; 32]),
        assume_valid: BlockHash::all_zeros(),
        header_sync: HeaderSyncParams {
            commitment_period: 275,
            redownload_buffer_size: 7_017,
        },
        assumed_chain_size_gb: 0,
    }
}
