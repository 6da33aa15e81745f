use super::*;

fn group(s: &str) -> NetGroup {
    NetGroup::of(&s.parse().unwrap())
}

#[test]
fn ipv4_is_grouped_by_two_bytes() {
    assert_eq!(group("8.8.1.2"), group("8.8.255.255"));
    assert_ne!(group("8.8.1.2"), group("8.9.1.2"));
}

#[test]
fn ipv4_inside_ipv6_belongs_to_its_ipv4_group() {
    let expected = group("1.2.3.4");
    for s in [
        "::ffff:1.2.3.4",
        "64:ff9b::102:304",
        "::ffff:0:102:304",
        "2002:102:304:9999::1",
        "2001:0:9999:9999:9999:9999:fefd:fcfb",
    ] {
        assert_eq!(group(s), expected, "{s}");
    }
}

#[test]
fn ipv6_is_grouped_by_four_bytes_and_cheap_tunnels_by_a_little_more() {
    assert_eq!(group("2600:1:2::1"), group("2600:1:3::9"));
    assert_ne!(group("2600:1::1"), group("2600:2::1"));
    assert_eq!(group("2001:470:abcd::1"), group("2001:470:afff::1"));
    assert_ne!(group("2001:470:abcd::1"), group("2001:470:bbcd::1"));
}

#[test]
fn keys_are_grouped_by_four_random_bits() {
    let tor = |b| NetGroup::of(&Host::TorV3([b; 32]));
    assert_eq!(tor(0x31), tor(0x3f));
    assert_ne!(tor(0x31), tor(0x41));
    assert_ne!(tor(0x31), NetGroup::of(&Host::I2p([0x31; 32])));
    let cjdns = |s: &str| NetGroup::of(&s.parse::<Host>().unwrap().flip_to_cjdns());
    assert_eq!(cjdns("fc31::1"), cjdns("fc3f::2"));
    assert_ne!(cjdns("fc31::1"), cjdns("fc41::1"));
}

#[test]
fn all_that_is_not_routable_is_one_group() {
    for s in ["127.0.0.1", "::1", "10.1.1.1", "192.168.9.9", "fe80::1"] {
        assert_eq!(group(s), NetGroup::UNROUTABLE, "{s}");
    }
}

#[test]
fn every_name_is_a_group() {
    let named = |s| NetGroup::of(&Host::named(s));
    assert_ne!(named("seed.example.org"), named("seed.example.net"));
    assert_ne!(named("seed.example.org"), NetGroup::UNROUTABLE);
    assert_eq!(named("seed.example.org"), named("seed.example.org"));
    assert!(!Host::named("seed.example.org").is_valid());
}
