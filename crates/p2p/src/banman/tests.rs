use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::addr::tests::any_host;

const HOUR: Duration = Duration::from_secs(3_600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

fn subnet(s: &str) -> Subnet {
    s.parse().unwrap()
}

fn host(s: &str) -> Host {
    s.parse().unwrap()
}

#[test]
fn a_ban_covers_its_subnet_until_it_ends() {
    let mut bans = BanMan::new();
    assert!(bans.ban(subnet("1.2.3.0/24"), now() + HOUR, now()));
    assert!(bans.is_banned(&host("1.2.3.255"), now()));
    assert!(!bans.is_banned(&host("1.2.4.0"), now()));
    assert!(!bans.is_banned(&host("1.2.3.255"), now() + HOUR));
    assert_eq!(bans.bans(now()).count(), 1);
    assert_eq!(bans.bans(now() + HOUR).count(), 0);
}

#[test]
fn a_ban_is_only_ever_prolonged() {
    let mut bans = BanMan::new();
    assert!(bans.ban(subnet("1.2.3.4"), now() + HOUR * 2, now()));
    assert!(!bans.ban(subnet("1.2.3.4"), now() + HOUR, now()));
    assert!(bans.is_banned(&host("1.2.3.4"), now() + HOUR));
    assert!(
        !bans.ban(subnet("5.6.7.8"), now(), now()),
        "it would have ended already"
    );
}

#[test]
fn lifting_a_ban_lifts_exactly_that_one() {
    let mut bans = BanMan::new();
    bans.ban(subnet("1.2.0.0/16"), now() + HOUR, now());
    bans.ban(subnet("1.2.3.4"), now() + HOUR, now());
    assert!(bans.unban(&subnet("1.2.3.4")));
    assert!(!bans.unban(&subnet("1.2.3.4")));
    assert!(bans.is_banned(&host("1.2.3.4"), now()));
    bans.clear();
    assert!(!bans.is_banned(&host("1.2.3.4"), now()));
}

#[test]
fn subnets_are_read_and_written_as_core_does() {
    for (written, read) in [
        ("1.2.3.4", "1.2.3.4/32"),
        ("1.2.3.4/16", "1.2.0.0/16"),
        ("1.2.3.4/255.255.255.0", "1.2.3.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2600::1", "2600::1/128"),
        ("2600:1:2::/32", "2600:1::/32"),
        ("2600:1:2::/ffff::", "2600::/16"),
        ("::/0", "::/0"),
    ] {
        assert_eq!(subnet(written).to_string(), read);
    }
    for wrong in [
        "",
        "/",
        "1.2.3.4/",
        "1.2.3.4/33",
        "::/129",
        "1.2.3.4/255.0.255.0",
        "1.2.3.4/ffff::",
        "x/8",
    ] {
        assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
    }
}

#[test]
fn discouraged_addresses_are_forgotten_oldest_first_and_in_bounded_memory() {
    let mut bans = BanMan::new();
    let nth = |n: u32| Host::from(Ipv4Addr::from(0x0800_0000 + n));
    for n in 0..200_000 {
        bans.discourage(nth(n));
    }
    assert!(bans.recent.len() + bans.older.len() <= 2 * DISCOURAGED);
    assert!((200_000 - DISCOURAGED as u32..200_000).all(|n| bans.is_discouraged(&nth(n))));
    assert!(!bans.is_discouraged(&nth(0)));
    assert!(!bans.allows(&nth(199_999), now()));
    assert!(!bans.is_banned(&nth(199_999), now()));
}

proptest! {
    #[test]
    fn bans_come_back_from_a_file(
        hosts in proptest::collection::vec((any_host(), 0u8..=128, 1u32..), 0..20),
    ) {
        let mut bans = BanMan::new();
        for (host, prefix, secs) in hosts {
            // A CJDNS address reads back as what it is without knowing of CJDNS.
            if host.network() == crate::addr::AddrNetwork::Cjdns {
                continue;
            }
            let subnet = Subnet::new(host, prefix).unwrap_or_else(|| host.into());
            bans.ban(subnet, now() + Duration::from_secs(secs.into()), now());
        }
        let read = BanMan::from_bytes(&bans.to_bytes()).unwrap();
        prop_assert_eq!(read.bans, bans.bans);
    }

    #[test]
    fn a_subnet_contains_what_it_was_made_from(host in any_host(), prefix in 0u8..=128) {
        prop_assert!(Subnet::from(host).contains(&host));
        if let Some(subnet) = Subnet::new(host, prefix) {
            prop_assert!(subnet.contains(&host));
        }
    }

    #[test]
    fn damage_to_the_file_is_noticed(at in any::<proptest::sample::Index>(), flip in 1u8..) {
        let mut bans = BanMan::new();
        bans.ban(subnet("1.2.3.0/24"), now() + HOUR, now());
        let mut bytes = bans.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(BanMan::from_bytes(&bytes).is_err());
    }
}
