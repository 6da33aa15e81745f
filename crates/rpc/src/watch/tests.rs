use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
        .collect::<HeaderMap>()
}

#[test]
fn only_loopback_names_are_this_machine() {
    for host in [
        "localhost",
        "LOCALHOST:8332",
        "127.0.0.1",
        "127.0.0.1:18443",
        "127.9.9.9:1",
        "[::1]",
        "[::1]:8332",
    ] {
        assert!(is_loopback_host(host), "{host}");
    }
    for host in [
        "",
        "evil.example",
        "127.0.0.1.evil.example:8332",
        "localhost.evil.example",
        "192.0.2.7:8332",
        "[2001:db8::1]:8332",
        "[::1",
        "0.0.0.0",
    ] {
        assert!(!is_loopback_host(host), "{host}");
    }
}

#[test]
fn who_comes_by_a_proxy_does_not_sit_here() {
    let here = IpAddr::from([127, 0, 0, 1]);
    let host = ("host", "127.0.0.1:8332");
    assert!(sits_here(here, &headers(&[host])));
    assert!(!sits_here(here, &headers(&[])));
    assert!(!sits_here(IpAddr::from([192, 0, 2, 7]), &headers(&[host])));
    for by_proxy in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
        let headers = headers(&[host, (by_proxy, "anything")]);
        assert!(!sits_here(here, &headers), "{by_proxy}");
    }
}

#[test]
fn what_another_site_asks_for_is_foreign() {
    for (site, foreign) in [
        ("same-origin", false),
        ("none", false),
        ("same-site", true),
        ("cross-site", true),
        ("nonsense", true),
    ] {
        assert_eq!(
            is_foreign(&headers(&[("sec-fetch-site", site)])),
            foreign,
            "{site}"
        );
    }
    // Programs do not send it.
    assert!(!is_foreign(&headers(&[])));
}
