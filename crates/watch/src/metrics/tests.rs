use std::collections::BTreeSet;

use super::*;
use crate::{Latency, Process, Threads};

fn latency(of: &str) -> Latency {
    Latency {
        of: of.to_owned(),
        bounds: vec![0.001, 0.5],
        counts: vec![3, 0, 1],
        seconds: 1.25,
    }
}

/// What the lines of a metric begin with.
fn parts(text: &str, name: &str) -> Vec<String> {
    if text.contains(&format!("# TYPE {name} histogram\n")) {
        let suffixes = ["_bucket", "_sum", "_count"];
        suffixes.map(|suffix| format!("{name}{suffix}")).into()
    } else {
        vec![name.to_owned()]
    }
}

fn text() -> String {
    render(&Status {
        process: Process {
            threads: vec![Threads::default()],
            ..Process::default()
        },
        latencies: ["check", Latency::ARRIVAL].map(latency).into(),
        ..Status::default()
    })
}

/// Names of all metrics that are shown.
fn shown(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// Names of metrics that a text speaks of.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("tipward_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_has_help_a_type_and_a_value() {
    let text = text();
    let names = shown(&text);
    assert!(names.len() > 50, "{}", names.len());
    for name in &names {
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        for part in parts(&text, name) {
            let has_value = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .any(|line| line.split(['{', ' ']).next() == Some(part.as_str()));
            assert!(has_value, "{part}");
        }
    }
    // One block of lines for each metric, as the format demands.
    assert_eq!(text.matches("# TYPE ").count(), names.len());
}

#[test]
fn counters_and_no_others_end_in_total() {
    for line in text().lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
        for unit in ["_ms", "_kb", "_mb", "_mib", "_percent", "_minutes"] {
            assert!(!name.contains(unit), "{name}: no base unit");
        }
    }
}

#[test]
fn every_metric_of_the_dashboard_exists() {
    let dashboard = include_str!("../../../../contrib/grafana/tipward.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    let text = text();
    let names = shown(&text);
    let shown: BTreeSet<String> = names.iter().flat_map(|name| parts(&text, name)).collect();
    let used = named(dashboard);
    assert!(used.len() > 20);
    let unknown: Vec<_> = used.difference(&shown).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_metric_is_in_the_documentation() {
    let page = include_str!("../../../../docs/watch.md");
    let (told, shown) = (named(page), shown(&text()));
    let untold: Vec<_> = shown.difference(&told).collect();
    assert!(untold.is_empty(), "not in docs/watch.md: {untold:?}");
    let gone: Vec<_> = told.difference(&shown).collect();
    assert!(gone.is_empty(), "only in docs/watch.md: {gone:?}");
}

#[test]
fn the_lines_of_a_histogram_add_up() {
    let text = text();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.starts_with("tipward_stage_seconds") || line.starts_with("tipward_block_arrival")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "tipward_stage_seconds_bucket{stage=\"check\",le=\"0.001\"} 3",
            "tipward_stage_seconds_bucket{stage=\"check\",le=\"0.5\"} 3",
            "tipward_stage_seconds_bucket{stage=\"check\",le=\"+Inf\"} 4",
            "tipward_stage_seconds_sum{stage=\"check\"} 1.25",
            "tipward_stage_seconds_count{stage=\"check\"} 4",
            "tipward_block_arrival_seconds_bucket{le=\"0.001\"} 3",
            "tipward_block_arrival_seconds_bucket{le=\"0.5\"} 3",
            "tipward_block_arrival_seconds_bucket{le=\"+Inf\"} 4",
            "tipward_block_arrival_seconds_sum 1.25",
            "tipward_block_arrival_seconds_count 4",
        ]
    );
}

#[test]
fn what_comes_from_elsewhere_cannot_break_a_line() {
    let mut text = String::new();
    Metric {
        page: &mut text,
        name: "info",
    }
    .with(&[("version", "a\"b\\c\nd")], f64::NAN);
    assert_eq!(text, "tipward_info{version=\"a\\\"b\\\\c\\nd\"} NaN\n");
}
