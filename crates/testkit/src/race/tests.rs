use std::sync::Arc;
use std::time::Duration;

use super::*;

const MB: f64 = 1e6;

fn scenario(chain: Chain, crowd: Crowd, own: f64) -> Scenario {
    Scenario {
        chain: Arc::new(chain),
        crowd,
        own,
        seed: 1,
        time_limit: Duration::from_secs(100 * 3600),
    }
}

fn ours(scenario: &Scenario) -> Report {
    let report = run(scenario, &mut Ours::new(Arc::clone(&scenario.chain), 1));
    assert!(report.finished);
    report
}

/// How many times as long as the lines need.
fn overhead(lines: Vec<Line>, blocks: u32, size: u32) -> f64 {
    let scenario = scenario(Chain::uniform(blocks, size), Crowd::Named(lines), 1e9);
    1.0 / ours(&scenario).utilisation()
}

#[test]
fn eight_far_peers_are_kept_busy() {
    let overhead = overhead(vec![Line::new(4.0 * MB, 100); 8], 400, 1_000_000);
    assert!(overhead < 1.06, "{overhead}");
}

#[test]
fn one_fast_peer_that_is_very_far_is_kept_busy() {
    let overhead = overhead(vec![Line::new(30.0 * MB, 200)], 400, 1_000_000);
    assert!(overhead < 1.09, "{overhead}");
}

#[test]
fn slow_and_silent_peers_cost_the_good_ones_nothing() {
    let lines = vec![
        Line::new(8.0 * MB, 60),
        Line::new(8.0 * MB, 60),
        Line::new(8.0 * MB, 60),
        Line::new(MB, 200),
        Line::new(MB / 2.0, 300),
        Line::new(8.0 * MB, 60).silent_after(24),
        Line::new(8.0 * MB, 60).silent_after(48),
    ];
    let overhead = overhead(lines, 400, 1_000_000);
    assert!(overhead < 1.06, "{overhead}");
}

/// Every five-hundredth block of mainnet: two minutes, of which the first seconds, when the peers are not known yet, are more
/// than in reality.
#[test]
fn mainnets_blocks_fill_our_line_whatever_the_crowd() {
    for peers in [10, 40, 125] {
        let scenario = scenario(Chain::mainnet(500), Crowd::Drawn(peers), 12.5 * MB);
        let used = ours(&scenario).utilisation();
        assert!(used > 0.95, "{peers} peers: {used}");
    }
}

#[test]
fn a_race_can_be_run_again() {
    let scenario = scenario(Chain::mainnet(2000), Crowd::Drawn(10), 5.0 * MB);
    let (one, two) = (ours(&scenario), ours(&scenario));
    assert_eq!((one.took, one.events), (two.took, two.events));
}

#[test]
fn others_policies_end_too() {
    let scenario = scenario(Chain::mainnet(2000), Crowd::Drawn(10), 12.5 * MB);
    let core = run(&scenario, &mut Core::new(Arc::clone(&scenario.chain)));
    assert!(core.finished && core.wasted == 0);
    let tutorial = run(&scenario, &mut Tutorial::new(Arc::clone(&scenario.chain)));
    assert!(tutorial.finished);
}

#[test]
fn the_sizes_are_those_of_mainnet() {
    let sizes = super::chain::mainnet_sizes(0);
    assert_eq!(sizes.len(), 930_001);
    let gigabytes = sizes.iter().map(|size| f64::from(*size)).sum::<f64>() / 1e9;
    assert!((gigabytes - 712.0).abs() < 10.0, "{gigabytes}");
    assert!(sizes.iter().all(|size| (215..4_000_000).contains(size)));
}
