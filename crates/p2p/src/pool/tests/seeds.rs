use super::*;

fn dns(seeds: &[&str]) -> PoolConfig {
    PoolConfig {
        dns_seeds: seeds.iter().map(|s| (*s).to_owned()).collect(),
        ..PoolConfig::default()
    }
}

const FIVE: [&str; 5] = [
    "a.example",
    "b.example",
    "c.example",
    "d.example",
    "e.example",
];

#[test]
fn without_any_address_all_dns_seeds_are_asked_at_once_and_shuffled() {
    let mut lab = Lab::new(dns(&FIVE));
    let asked = lab.resolves();
    let plain: Vec<_> = FIVE.iter().map(|s| format!("x9.{s}")).collect();
    assert_ne!(asked, plain);
    let mut sorted = asked;
    sorted.sort();
    assert_eq!(sorted, plain);
}

#[test]
fn addresses_from_dns_are_connected_to_and_one_seed_gives_at_most_32() {
    let mut lab = Lab::new(dns(&["a.example"]));
    assert_eq!(lab.resolves(), ["x9.a.example"]);
    let answer: Vec<_> = (0..100).map(nth).collect();
    let taken = lab.pool.on_resolved("x9.a.example", &answer, lab.now);
    assert!((25..=32).contains(&taken), "{taken}");
    assert_eq!(
        lab.pool.on_resolved("x9.a.example", &answer, lab.now),
        0,
        "nobody asked"
    );
    let opened = lab.connects();
    assert_eq!(opened.len(), 10);
}

#[test]
fn a_seed_without_an_answer_is_connected_to_by_its_plain_name() {
    let mut lab = Lab::new(dns(&["a.example"]));
    lab.resolves();
    lab.pool.on_resolved("x9.a.example", &[], lab.now);
    let opened = lab.connects();
    assert_eq!(
        opened,
        [(PeerId(1), named("a.example:8333"), ConnKind::AddrFetch)]
    );
    lab.pool.on_failed(PeerId(1), lab.now);
    assert_eq!(lab.wants(), [], "a dead seed costs nothing but itself");
}

#[test]
fn behind_a_proxy_names_are_not_resolved_here() {
    let mut lab = Lab::new(PoolConfig {
        name_proxy: true,
        ..dns(&["a.example"])
    });
    let opened = lab.connects();
    assert_eq!(
        opened,
        [(PeerId(1), named("a.example:8333"), ConnKind::AddrFetch)]
    );
}

#[test]
fn known_addresses_have_their_chance_before_dns_is_asked() {
    let mut lab = Lab::knowing(dns(&FIVE), 100);
    assert_eq!(lab.resolves(), [""; 0]);
    lab.wait(SECOND * 10);
    assert_eq!(lab.resolves(), [""; 0]);
    lab.wait(SECOND);
    assert_eq!(lab.resolves().len(), 3);
    assert_eq!(lab.resolves(), [""; 0]);
    lab.wait(SECOND * 11);
    assert_eq!(lab.resolves().len(), 2);
}

#[test]
fn many_known_addresses_have_a_longer_chance() {
    let mut lab = Lab::knowing(dns(&FIVE), 1_200);
    assert!(lab.pool.addrman().len() >= 1_000);
    for _ in 0..29 {
        assert_eq!(lab.resolves(), [""; 0]);
        lab.wait(SECOND * 10);
    }
    lab.wait(SECOND * 10);
    assert_eq!(lab.resolves().len(), 3);
}

#[test]
fn dns_is_not_asked_if_two_peers_were_found_without_it() {
    let mut lab = Lab::knowing(dns(&FIVE), 100);
    lab.fill();
    for _ in 0..100 {
        lab.wait(SECOND * 11);
        assert_eq!(lab.resolves(), [""; 0]);
    }
}

#[test]
fn the_users_seed_nodes_come_before_dns() {
    let mut lab = Lab::new(PoolConfig {
        seed_nodes: vec!["1.1.1.1".to_owned(), "s.example:5".to_owned()],
        ..dns(&["a.example"])
    });
    let first = lab.connects();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].2, ConnKind::AddrFetch);
    lab.wait(SECOND * 10);
    assert_eq!(lab.connects().len(), 1, "the other one");
    lab.wait(SECOND * 10);
    assert_eq!(lab.wants(), []);
    lab.wait(SECOND * 10);
    assert_eq!(lab.resolves(), ["x9.a.example"]);
}

#[test]
fn the_built_in_list_is_used_after_a_minute_without_addresses() {
    let mut lab = Lab::new(PoolConfig {
        fixed_seeds: (0..20).map(nth).collect(),
        ..dns(&["a.example"])
    });
    lab.resolves();
    lab.wait(SECOND * 59);
    assert_eq!(lab.wants(), []);
    lab.wait(SECOND);
    let wanted = lab.wants();
    assert!(matches!(
        wanted[0],
        PoolAction::FixedSeedsAdded { count: 15.. }
    ));
    assert!(wanted.len() >= 11, "and connections to them");
}

#[test]
fn without_any_other_source_the_built_in_list_is_used_at_once() {
    let fixed_seeds = vec![
        nth(1),
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:1"
            .parse()
            .unwrap(),
    ];
    let mut lab = Lab::new(PoolConfig {
        fixed_seeds,
        ..PoolConfig::default()
    });
    let wanted = lab.wants();
    assert_eq!(
        wanted[0],
        PoolAction::FixedSeedsAdded { count: 1 },
        "onion cannot be reached"
    );
}

#[test]
fn the_built_in_list_is_not_used_if_addresses_are_known() {
    let mut lab = Lab::knowing(
        PoolConfig {
            fixed_seeds: vec![nth(500)],
            ..PoolConfig::default()
        },
        5,
    );
    lab.wants();
    lab.wait(SECOND * 600);
    lab.wants();
    assert_eq!(lab.pool.addrman().is_tried(&nth(500)), None);
}
