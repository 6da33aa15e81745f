use std::sync::Arc;
use std::time::Duration;

use super::*;

const MB: f64 = 1e6;

fn scenario(chain: Chain, crowd: Crowd, own: f64) -> Scenario {
    Scenario {
        chain: Arc::new(chain),
        crowd,
        own,
        busy: Duration::ZERO,
        seed: 1,
        time_limit: Duration::from_secs(100 * 3600),
    }
}

fn ours(scenario: &Scenario) -> Report {
    let report = run(scenario, &mut Ours::new(Arc::clone(&scenario.chain), 1));
    assert!(report.finished);
    report
}

/// How many times as long as the lines need, if our side is busy with other things for so many milliseconds of every second.
fn overhead(lines: Vec<Line>, chain: Chain, busy: u64) -> f64 {
    let scenario = Scenario {
        busy: Duration::from_millis(busy),
        ..scenario(chain, Crowd::Named(lines), 1e9)
    };
    let report = ours(&scenario);
    let again = report.wasted as f64 / report.bytes as f64;
    assert!(again < 0.02, "{again} of the chain came twice");
    1.0 / report.utilisation()
}

fn far() -> Vec<Line> {
    vec![Line::new(4.0 * MB, 100); 8]
}

fn very_far() -> Vec<Line> {
    vec![Line::new(30.0 * MB, 200)]
}

fn mixed() -> Vec<Line> {
    vec![
        Line::new(8.0 * MB, 60),
        Line::new(8.0 * MB, 60),
        Line::new(8.0 * MB, 60),
        Line::new(MB, 200),
        Line::new(MB / 2.0, 300),
        Line::new(8.0 * MB, 60).silent_after(24),
        Line::new(8.0 * MB, 60).silent_after(48),
    ]
}

#[test]
fn eight_far_peers_are_kept_busy() {
    let overhead = overhead(far(), Chain::uniform(400, 1_000_000), 0);
    assert!(overhead < 1.06, "{overhead}");
}

#[test]
fn one_fast_peer_that_is_very_far_is_kept_busy() {
    let overhead = overhead(very_far(), Chain::uniform(400, 1_000_000), 0);
    assert!(overhead < 1.09, "{overhead}");
}

#[test]
fn slow_and_silent_peers_cost_the_good_ones_nothing() {
    let overhead = overhead(mixed(), Chain::uniform(400, 1_000_000), 0);
    assert!(overhead < 1.06, "{overhead}");
}

/// What never becomes a block says nothing of the blocks of others, and nothing of their lines: they are asked for as many at a
/// time as without it, to the end. Where blocks are small and lines long, it would cost most.
#[test]
fn a_peer_that_sends_what_never_ends_costs_the_others_nothing() {
    let chain = Arc::new(Chain::uniform(12_000, 20_000));
    let took = |junk: Option<Line>| {
        let mut lines = vec![Line::new(MB, 300); 8];
        lines.extend(junk);
        let scenario = Scenario {
            chain: Arc::clone(&chain),
            ..scenario(Chain::uniform(1, 300), Crowd::Named(lines), 1e9)
        };
        ours(&scenario).took.as_secs_f64()
    };
    let without = took(None);
    for (rate, after) in [(0.1, 0), (0.1, 300), (1.0, 300), (4.0, 40), (20.0, 300)] {
        let with = took(Some(Line::new(rate * MB, 50).junk_after(after)));
        assert!(
            with < without * 1.02,
            "{with} s beside {rate} MB/s of junk after {after} blocks, {without} s without"
        );
    }
}

/// Small blocks, then such as fill a line for half a second each, then small ones again; and a machine that looks at what came
/// only now and then. A size that was guessed too small gave one peer most of the chain once; a rate that was seen in a burst
/// gave another ten seconds' worth; and what was late because of either was fetched twice.
#[test]
fn sudden_changes_of_size_and_a_busy_machine_cost_little() {
    for (lines, most) in [(far(), 1.06), (very_far(), 1.10), (mixed(), 1.08)] {
        for busy in [0, 100, 300] {
            let overhead = overhead(lines.clone(), Chain::shaped(400), busy);
            assert!(
                overhead < most,
                "{overhead} of {lines:?}, busy for {busy} ms"
            );
        }
    }
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
