use super::*;

#[test]
fn ranges_hold_what_they_say() {
    for (subnet, inside, outside) in [
        ("1.2.3.4", "1.2.3.4", "1.2.3.5"),
        ("1.2.3.0/24", "1.2.3.255", "1.2.4.0"),
        ("1.2.0.0/255.255.0.0", "1.2.255.1", "1.3.0.0"),
        ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
        ("fe80::/10", "febf::1", "fec0::"),
        ("fe80::/ffc0::", "febf::1", "fec0::"),
        ("::1", "::1", "::2"),
    ] {
        let range: Subnet = subnet.parse().unwrap();
        assert!(range.contains(inside.parse().unwrap()), "{subnet} {inside}");
        assert!(
            !range.contains(outside.parse().unwrap()),
            "{subnet} {outside}"
        );
    }
    let all: Subnet = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains("255.1.2.3".parse().unwrap()));
    assert!(!all.contains("::5".parse().unwrap()));
}

#[test]
fn what_is_no_range_is_refused() {
    for text in [
        "",
        "x",
        "1.2.3",
        "1.2.3.4/33",
        "1.2.3.4/-1",
        "1.2.3.4/255.0.255.0",
        "::1/129",
        "1.2.3.4/ffff::",
    ] {
        assert!(text.parse::<Subnet>().is_err(), "{text}");
    }
}
