//! Bitcoin Core beside us, if `BITCOIND_EXE` names it: its client against our server, its answers against ours.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};
use tipward_primitives::bitcoin::Block;
use tipward_primitives::bitcoin::consensus::encode::serialize_hex;
use tipward_primitives::{Header, Network, Params};
use tipward_rpc::client::{CallError, Client, Login};

use crate::answers::{calls, comparable};
use crate::fake::{FakeNode, HEIGHT, Material, PASSWORD, USER, serve};
use crate::spending::Spending;
use crate::{rest, utilities};

fn bitcoin_cli() -> Option<PathBuf> {
    let Some(bitcoind) = std::env::var_os("BITCOIND_EXE") else {
        eprintln!("skipped: BITCOIND_EXE is not set");
        return None;
    };
    let cli = PathBuf::from(bitcoind).with_file_name("bitcoin-cli");
    assert!(cli.exists(), "{} is missing", cli.display());
    Some(cli)
}

#[tokio::test]
async fn bitcoin_cli_works_against_our_server() {
    let Some(cli) = bitcoin_cli() else { return };
    let node = FakeNode::new();
    let server = serve(&node).await;
    let port = server.local_addrs()[0].port();
    let dir = tempfile::tempdir().unwrap();
    let tip = node.tip_hash().to_string();
    let run = |args: &[&str]| {
        let mut command = Command::new(&cli);
        command
            .arg("-regtest")
            .arg(format!("-datadir={}", dir.path().display()))
            .arg(format!("-rpcport={port}"))
            .arg(format!("-rpcuser={USER}"))
            .arg(format!("-rpcpassword={PASSWORD}"))
            .args(args);
        tokio::task::spawn_blocking(move || {
            let output = command.output().unwrap();
            (
                output.status.code(),
                String::from_utf8(output.stdout).unwrap(),
                String::from_utf8(output.stderr).unwrap(),
            )
        })
    };
    for (args, code, out, err) in [
        (vec!["getblockcount"], 0, format!("{HEIGHT}\n"), ""),
        (vec!["getbestblockhash"], 0, format!("{tip}\n"), ""),
        (
            vec!["-named", "getblockhash", "height=12"],
            0,
            format!("{tip}\n"),
            "",
        ),
        (vec!["ping"], 0, String::new(), ""),
        (
            vec!["getblockhash", "13"],
            8,
            String::new(),
            "error code: -8\nerror message:\nBlock height out of range\n",
        ),
        (
            vec!["nothing"],
            89,
            String::new(),
            "error code: -32601\nerror message:\nMethod not found\n",
        ),
    ] {
        let (status, stdout, stderr) = run(&args).await.unwrap();
        assert_eq!(
            (stdout.as_str(), stderr.as_str()),
            (out.as_str(), err),
            "{args:?}"
        );
        assert_eq!(status, Some(code), "{args:?}");
    }
    let (status, stdout, stderr) = run(&["-getinfo"]).await.unwrap();
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("Blocks: 12"), "{stdout}");
}

/// A bitcoind that ends with the test.
struct Bitcoind {
    process: Child,
    client: Client,
    _dir: tempfile::TempDir,
}

impl Bitcoind {
    fn start(program: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let process = Command::new(program)
            .arg("-regtest")
            .arg(format!("-datadir={}", dir.path().display()))
            .arg(format!("-rpcport={port}"))
            .args([
                "-rest",
                "-listen=0",
                "-connect=0",
                "-dnsseed=0",
                "-printtoconsole=0",
            ])
            .spawn()
            .unwrap();
        let client = Client {
            addr: ([127, 0, 0, 1], port).into(),
            login: Login::Cookie(dir.path().join("regtest/.cookie")),
            timeout: None,
        };
        client
            .call_when_ready("uptime", &json!([]), Duration::from_secs(60))
            .unwrap();
        Self {
            process,
            client,
            _dir: dir,
        }
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        self.client.call(method, params).unwrap()
    }
}

impl Drop for Bitcoind {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Bitcoind {
    /// One whose clock stands at a time, with these blocks, the last of them on a side branch, and a header.
    fn with(program: &Path, time: u32, blocks: &[&Block], header: &Header) -> Self {
        let bitcoind = Self::start(program);
        bitcoind.call("setmocktime", &json!([time]));
        let (side_branch, active) = blocks.split_last().unwrap();
        for block in active {
            let outcome = bitcoind.call("submitblock", &json!([serialize_hex(*block)]));
            assert_eq!(outcome, Value::Null);
        }
        let outcome = bitcoind.call("submitblock", &json!([serialize_hex(*side_branch)]));
        assert_eq!(outcome, "inconclusive");
        bitcoind.call("submitheader", &json!([serialize_hex(header)]));
        bitcoind
    }

    /// What it answers to a request for REST: status, kind of content, content.
    fn get(&self, path: &str) -> (u16, Option<String>, Vec<u8>) {
        let mut stream = TcpStream::connect(self.client.addr).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        let end = response.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&response[..end])
            .unwrap()
            .to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let kind = head
            .lines()
            .find_map(|line| line.strip_prefix("content-type: "));
        (
            status,
            kind.map(str::to_owned),
            response[end + 4..].to_vec(),
        )
    }

    /// Compares its answers to what is recorded in a file beside this one.
    fn check(&self, calls: Vec<(&'static str, Value)>, file: &str, recorded: &str) {
        let answers: Value = calls
            .into_iter()
            .map(|(method, params)| match self.client.call(method, &params) {
                Ok(result) => json!({ "method": method, "params": params, "result": result }),
                Err(CallError::Rpc(error)) => {
                    json!({ "method": method, "params": params, "error": error.to_json() })
                }
                Err(error) => panic!("{method} {params}: {error}"),
            })
            .collect();
        compare(&without_what_differs(&answers), file, recorded);
    }
}

/// Compares answers to those recorded in a file beside this one; if they differ, a file to take its place is written.
fn compare(answers: &Value, file: &str, recorded: &str) {
    let recorded: Value = serde_json::from_str(recorded).unwrap_or_default();
    if *answers == without_what_differs(&recorded) {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let lines: Vec<String> = answers
        .as_array()
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect();
    std::fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    panic!(
        "the answers differ from tests/rpc/{file}: see {}",
        path.display()
    );
}

#[test]
fn the_recorded_answers_are_those_of_bitcoind() {
    let Some(cli) = bitcoin_cli() else { return };
    let material = Material::new(&Params::new(Network::Regtest));
    let blocks: Vec<&Block> = material.blocks.iter().chain([&material.fork]).collect();
    let header = &material.header_only.header;
    Bitcoind::with(
        &cli.with_file_name("bitcoind"),
        header.time,
        &blocks,
        header,
    )
    .check(calls(&material), "core.json", include_str!("core.json"));
}

#[test]
fn the_recorded_answers_about_coins_are_those_of_bitcoind() {
    let Some(cli) = bitcoin_cli() else { return };
    let spending = Spending::new();
    let blocks: Vec<&Block> = spending.blocks.iter().chain([&spending.fork]).collect();
    let header = &spending.header_only.header;
    Bitcoind::with(
        &cli.with_file_name("bitcoind"),
        spending.time(),
        &blocks,
        header,
    )
    .check(
        spending.calls(),
        "spending.json",
        include_str!("spending.json"),
    );
}

#[test]
fn the_recorded_answers_of_the_utilities_are_those_of_bitcoind() {
    let Some(cli) = bitcoin_cli() else { return };
    let material = utilities::material();
    let blocks: Vec<&Block> = material.blocks.iter().chain([&material.fork]).collect();
    let header = &material.header_only.header;
    Bitcoind::with(
        &cli.with_file_name("bitcoind"),
        header.time,
        &blocks,
        header,
    )
    .check(
        utilities::calls(),
        "utilities.json",
        include_str!("utilities.json"),
    );
}

#[test]
fn the_recorded_answers_of_rest_are_those_of_bitcoind() {
    let Some(cli) = bitcoin_cli() else { return };
    let spending = Spending::new();
    let blocks: Vec<&Block> = spending.blocks.iter().chain([&spending.fork]).collect();
    let bitcoind = Bitcoind::with(
        &cli.with_file_name("bitcoind"),
        spending.time(),
        &blocks,
        &spending.header_only.header,
    );
    let answers: Value = rest::paths(&spending)
        .iter()
        .map(|path| {
            let (status, kind, body) = bitcoind.get(path);
            rest::answer(path, status, kind.as_deref(), &body)
        })
        .collect();
    compare(&answers, "rest.json", include_str!("rest.json"));
}

fn without_what_differs(answers: &Value) -> Value {
    let mut answers = answers.clone();
    for answer in answers.as_array_mut().into_iter().flatten() {
        if let Some(result) = answer.get("result") {
            answer["result"] = serde_json::from_str(&comparable(result)).unwrap();
        }
    }
    answers
}
