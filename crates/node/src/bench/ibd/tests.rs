use super::*;

#[test]
fn a_peer_is_described_by_its_rate_its_distance_and_where_it_stalls() {
    let spec = |text: &str| text.parse::<PeerSpec>();
    assert_eq!(
        spec("4M@100/30").unwrap().options(),
        ["--rate=4000000", "--latency=100", "--stall-after=30"]
    );
    assert_eq!(spec("0.5M").unwrap().options(), ["--rate=500000"]);
    assert!(spec("0").unwrap().options().is_empty());
    assert!(spec("fast").is_err());
    assert!(spec("1M@far").is_err());
}
