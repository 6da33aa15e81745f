//! Checks of the house rules that no compiler knows: how long a source file may be, which crate may depend on which,
//! and where tests stand. Run by `make test`.

mod edges;
mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    if task.as_deref() != Some("check") {
        eprintln!("Usage: cargo xtask check");
        return ExitCode::FAILURE;
    }
    let root = project_root();
    let complaints = match edges::check(&root).and_then(|mut found| {
        found.extend(files::check(&root)?);
        Ok(found)
    }) {
        Ok(complaints) => complaints,
        Err(error) => {
            eprintln!("Error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() {
        println!("house rules: every file and every crate edge is as ARCHITECTURE.md says");
        ExitCode::SUCCESS
    } else {
        eprintln!("Error: {} house rule(s) broken", complaints.len());
        ExitCode::FAILURE
    }
}

fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask stands one folder below the project's root")
        .to_owned()
}
