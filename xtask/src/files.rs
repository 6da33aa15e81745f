//! How long a source file may be, that tests stand in files of their own, and that each crate begins with a page.

use std::path::Path;

use anyhow::Context as _;

/// A file is one idea; past this many lines it rarely is.
const MOST_LINES: usize = 600;

/// Files that are one idea and longer all the same, each with the reason.
const LONGER: &[(&str, usize, &str)] = &[];

/// Returns a line for every file that breaks a rule.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    for dir in ["crates", "xtask", "fuzz"] {
        let dir = root.join(dir);
        if dir.exists() {
            walk(root, &dir, &mut complaints)?;
        }
    }
    Ok(complaints)
}

fn walk(root: &Path, dir: &Path, complaints: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "target") {
                walk(root, &path, complaints)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            complaints.extend(judge(&name, &text));
        }
    }
    Ok(())
}

fn judge(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    let most = LONGER
        .iter()
        .find(|(file, _, _)| *file == name)
        .map_or(MOST_LINES, |(_, most, _)| *most);
    if lines > most {
        complaints.push(format!(
            "{name}: {lines} lines, more than {most}; is it one idea?"
        ));
    }
    // Split so that this file does not complain about itself.
    if text.contains(concat!("mod tests", " {")) {
        complaints.push(format!(
            "{name}: tests belong in a sibling file (`mod tests;`)"
        ));
    }
    if name.ends_with("/src/lib.rs") && !text.starts_with("//!") {
        complaints.push(format!(
            "{name}: a crate begins with a page that says what it is for"
        ));
    }
    complaints
}

#[cfg(test)]
mod tests;
