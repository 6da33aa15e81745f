use super::*;

#[test]
fn every_network_has_its_published_genesis_hash() {
    for (network, hash) in [
        (
            Network::Bitcoin,
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        ),
        (
            Network::Testnet,
            "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
        ),
        (
            Network::Testnet4,
            "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
        ),
        (
            Network::Signet,
            "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
        ),
        (
            Network::Regtest,
            "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
        ),
    ] {
        assert_eq!(Params::new(network).genesis_hash.to_string(), hash);
    }
}

#[test]
fn the_pow_limit_and_its_compact_form_agree() {
    for network in [
        Network::Bitcoin,
        Network::Testnet,
        Network::Testnet4,
        Network::Signet,
        Network::Regtest,
    ] {
        let params = Params::new(network);
        assert_eq!(
            params.pow_limit.to_compact_lossy(),
            params.pow_limit_bits,
            "{network}"
        );
    }
}

#[test]
fn the_public_signet_has_the_magic_that_its_challenge_gives() {
    assert_eq!(Params::new(Network::Signet).magic, [0x0a, 0x03, 0xcf, 0x40]);
}

#[test]
fn a_signet_of_ones_own_has_another_magic_and_no_public_seeds() {
    let own = Params::signet(&SignetOptions {
        challenge: Some(ScriptBuf::from_hex("51").expect("OP_TRUE")),
        seeds: None,
    });
    assert_ne!(own.magic, Params::new(Network::Signet).magic);
    assert!(own.dns_seeds.is_empty() && own.fixed_seeds.is_empty());
}

#[test]
fn every_fixed_seed_is_an_address_with_a_port() {
    for network in [
        Network::Bitcoin,
        Network::Testnet,
        Network::Testnet4,
        Network::Signet,
    ] {
        let params = Params::new(network);
        assert!(params.fixed_seed_addrs().count() > 10, "{network}");
        for line in params.fixed_seeds.lines() {
            let (host, port) = line.rsplit_once(':').expect("host and port");
            assert!(port.parse::<u16>().is_ok(), "{line}");
            assert!(
                line.parse::<SocketAddr>().is_ok() || host.ends_with(".onion"),
                "{line}"
            );
        }
    }
}
