//! A Python program with the library `python-bitcoinrpc`, installed from PyPI into an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::node::RegtestNode;

/// The library, by its exact version.
const LIBRARY: &str = "python-bitcoinrpc==1.0";

/// The Python of an environment that has the library; an error says what is missing on this machine.
fn python() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-bitcoinrpc");
    let python = dir.join("bin/python3");
    if imports(&python) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", LIBRARY]))?;
    if imports(&python) {
        Ok(python)
    } else {
        Err("the library is installed and cannot be imported".into())
    }
}

fn imports(python: &Path) -> bool {
    let output = Command::new(python)
        .args(["-c", "import bitcoinrpc.authproxy"])
        .output();
    output.is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}", error.trim()))
}

#[test]
fn a_python_program_works_with_the_node() {
    let python = match python() {
        Ok(python) => python,
        Err(missing) => {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "{missing}"
            );
            println!("skipped: {missing}");
            return;
        }
    };
    let node = RegtestNode::start();
    let (user, password) = node.login();
    let url = node
        .url()
        .replace("http://", &format!("http://{user}:{password}@"));
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/session.py"))
        .arg(url)
        .output()
        .unwrap();
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success() && out == "done\n", "{out}{error}");
}
