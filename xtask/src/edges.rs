//! Which crate may depend on which. The table is the one of ARCHITECTURE.md: arrows point one way.

use std::path::Path;

use anyhow::{Context as _, bail};

/// Each crate with the crates of ours that it may use outside its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("primitives", &[]),
    ("consensus", &["primitives"]),
    ("chain", &["primitives", "consensus"]),
    ("muhash", &["primitives"]),
    ("watch", &[]),
    ("zmq", &[]),
    ("script", &["primitives", "consensus"]),
    ("coins", &["primitives", "muhash"]),
    (
        "oracle",
        &[
            "primitives",
            "consensus",
            "chain",
            "muhash",
            "coins",
            "store",
            "validation",
            "testkit",
        ],
    ),
    ("store", &["primitives"]),
    ("p2p", &["primitives", "consensus", "chain"]),
    (
        "validation",
        &[
            "primitives",
            "consensus",
            "chain",
            "muhash",
            "script",
            "coins",
            "store",
        ],
    ),
    (
        "rpc",
        &[
            "primitives",
            "consensus",
            "chain",
            "muhash",
            "coins",
            "store",
            "validation",
            "watch",
        ],
    ),
    // Tests alone.
    ("clients", &[]),
    ("testkit", &["primitives", "consensus", "chain", "p2p"]),
    (
        "node",
        &[
            "primitives",
            "consensus",
            "chain",
            "muhash",
            "script",
            "coins",
            "store",
            "validation",
            "p2p",
            "rpc",
            "testkit",
            "watch",
            "zmq",
        ],
    ),
];

/// Returns a line for every edge that the table does not allow, and for every crate that it does not know.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    for entry in std::fs::read_dir(root.join("crates")).context("cannot list crates/")? {
        let dir = entry?.path();
        let Some(name) = dir.file_name().and_then(|n| n.to_str()).map(str::to_owned) else {
            bail!(
                "a crate's folder has a name that is not UTF-8: {}",
                dir.display()
            );
        };
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            complaints.push(format!("crates/{name}: not in the table of xtask/src/edges.rs; add it there and to ARCHITECTURE.md"));
            continue;
        };
        let manifest = dir.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("cannot parse {}", manifest.display()))?;
        let Some(dependencies) = table.get("dependencies").and_then(toml::Value::as_table) else {
            continue;
        };
        for ours in dependencies
            .keys()
            .filter_map(|d| d.strip_prefix("tipward-"))
        {
            if !allowed.contains(&ours) {
                complaints.push(format!("crates/{name}: may not depend on {ours}"));
            }
        }
    }
    Ok(complaints)
}
