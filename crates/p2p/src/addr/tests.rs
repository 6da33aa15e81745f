use proptest::prelude::*;

use super::*;

fn host(s: &str) -> Host {
    s.parse().unwrap()
}

/// From BIP155's and Core's test vectors.
const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
const I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p";

pub(crate) fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|o| Host::from(Ipv4Addr::from(o))),
        any::<[u8; 16]>().prop_map(|o| Host::from(Ipv6Addr::from(o))),
        any::<[u8; 32]>().prop_map(Host::TorV3),
        any::<[u8; 32]>().prop_map(Host::I2p),
        any::<[u8; 16]>().prop_map(|mut o| {
            o[0] = CJDNS_PREFIX;
            Host::Cjdns(Ipv6Addr::from(o))
        }),
    ]
}

pub(crate) fn any_address() -> impl Strategy<Value = Address> {
    (any_host(), any::<u16>()).prop_map(|(host, port)| Address { host, port })
}

proptest! {
    #[test]
    fn every_address_reads_back_as_it_was_written(addr in any_address()) {
        let read: Address = addr.to_string().parse().unwrap();
        // What is written does not say that fc00::/8 is meant as CJDNS: that depends on the machine.
        let read = if addr.network() == AddrNetwork::Cjdns {
            Address { host: read.host.flip_to_cjdns(), ..read }
        } else {
            read
        };
        prop_assert_eq!(read, addr);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = text.parse::<Address>();
        let _ = Address::parse_with_default_port(&text, 1);
        let _ = text.parse::<Host>();
    }
}

#[test]
fn addresses_are_written_as_core_writes_them() {
    for s in [
        "1.2.3.4:8333",
        "[::1]:8333",
        "[2001:db8::a]:18444",
        &format!("{ONION}:8333"),
        &format!("{I2P}:0"),
    ] {
        assert_eq!(s.parse::<Address>().unwrap().to_string(), s);
    }
    assert_eq!(
        "[::ffff:1.2.3.4]:1".parse::<Address>().unwrap().to_string(),
        "1.2.3.4:1"
    );
    assert_eq!(
        ONION.to_uppercase().parse::<Host>().unwrap().to_string(),
        ONION
    );
}

#[test]
fn what_is_no_address_is_refused() {
    let mut wrong_checksum = ONION.to_owned();
    wrong_checksum.replace_range(0..1, "q");
    for s in [
        "",
        ":",
        ":8333",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:+1",
        "1.2.3:1",
        "::1",
        "[::1]",
        "[::1]x:1",
        "::1:x",
        "seed.example.org:8333",
        "aaaaaaaaaaaaaaaa.onion:8333",
        &format!("{wrong_checksum}:1"),
        "[[::1]]:1",
        "[::1:1",
    ] {
        assert!(s.parse::<Address>().is_err(), "{s}");
    }
}

#[test]
fn a_missing_port_is_filled_in() {
    let parse = |s| {
        Address::parse_with_default_port(s, 8333)
            .unwrap()
            .to_string()
    };
    assert_eq!(parse("1.2.3.4"), "1.2.3.4:8333");
    assert_eq!(parse("1.2.3.4:5"), "1.2.3.4:5");
    assert_eq!(parse("::1"), "[::1]:8333");
    assert_eq!(parse("[::1]"), "[::1]:8333");
    assert_eq!(parse("[::1]:5"), "[::1]:5");
}

#[test]
fn only_public_addresses_are_routable() {
    for s in [
        "8.8.8.8",
        "2001::1",
        "2600::1",
        "2002:0a00:0001::1",
        ONION,
        I2P,
        "100.63.0.1",
        "172.32.0.1",
    ] {
        assert!(host(s).is_routable(), "{s}");
    }
    for s in [
        "0.0.0.1",
        "127.0.0.1",
        "10.1.2.3",
        "192.168.3.4",
        "172.16.0.1",
        "169.254.1.1",
        "198.18.0.1",
        "100.64.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00::1",
        "2001:db8::1",
        "2001:10::1",
        "2001:20::1",
        "fd87:d87e:eb43:edb1:8e4:3588:e546:35ca",
    ] {
        assert!(!host(s).is_routable(), "{s}");
    }
    let cjdns = host("fc00::1").flip_to_cjdns();
    assert_eq!(cjdns.network(), AddrNetwork::Cjdns);
    assert!(cjdns.is_routable());
    assert!(!Host::Cjdns(Ipv6Addr::LOCALHOST).is_valid());
}

#[test]
fn a_set_of_networks_holds_what_was_put_in() {
    let set = NetworkSet::CLEARNET
        .with(AddrNetwork::Onion)
        .without(AddrNetwork::Ipv6);
    assert_eq!(
        set.iter().collect::<Vec<_>>(),
        [AddrNetwork::Ipv4, AddrNetwork::Onion]
    );
    assert_eq!(NetworkSet::NONE.iter().count(), 0);
    for network in AddrNetwork::ALL {
        assert_eq!(AddrNetwork::from_name(network.name()), Some(network));
    }
}
