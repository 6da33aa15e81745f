//! Python programs with the libraries `python-bitcoinrpc` and `pyzmq`, installed from PyPI into an environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::node::RegtestNode;

/// The libraries, by their exact versions, and how a program calls them.
const LIBRARIES: [&str; 2] = ["python-bitcoinrpc==1.0", "pyzmq==27.1.0"];
const IMPORTS: &str = "import bitcoinrpc.authproxy, zmq";

/// The Python of an environment that has the libraries; an error says what is missing on this machine. Made once, however
/// many tests ask.
fn python() -> Result<PathBuf, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(make).clone()
}

fn make() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = dir.join("bin/python3");
    if imports(&python) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
    let install = ["-m", "pip", "install", "--quiet"];
    run(Command::new(&python).args(install).args(LIBRARIES))?;
    if imports(&python) {
        Ok(python)
    } else {
        Err("the libraries are installed and cannot be imported".into())
    }
}

fn imports(python: &Path) -> bool {
    let output = Command::new(python).args(["-c", IMPORTS]).output();
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

/// Runs one of the programs beside this file against a node, and expects it to be content.
fn session(program: &str, node: impl FnOnce() -> RegtestNode) {
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
    let node = node();
    let (user, password) = node.login();
    let url = node
        .url()
        .replace("http://", &format!("http://{user}:{password}@"));
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let output = Command::new(python)
        .arg(dir.join(program))
        .arg(url)
        .output()
        .unwrap();
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success() && out == "done\n", "{out}{error}");
}

#[test]
fn a_python_program_works_with_the_node() {
    session("session.py", RegtestNode::start);
}

#[test]
fn a_zmq_subscriber_hears_of_blocks_transactions_and_a_reorganization_as_from_core() {
    session("zmq_session.py", || {
        RegtestNode::start_with(|options| {
            let here = Some(vec!["tcp://127.0.0.1:0".to_owned()]);
            options.zmqpubhashblock = here.clone();
            options.zmqpubrawblock = here.clone();
            options.zmqpubhashtx = here.clone();
            options.zmqpubrawtx = here.clone();
            options.zmqpubrawtxhwm = Some(77);
            options.zmqpubsequence = here;
        })
    });
}
