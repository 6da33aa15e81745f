//! What the node shows of itself, over HTTP and in a browser, while it syncs and afterwards.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tipward_watch::{PeerState, Phase, Status};

use crate::browser::Browser;
use crate::harness::*;

/// A lab: a generated chain, and peers that have it.
struct Lab {
    dir: TempDir,
    peers: Vec<Peer>,
}

impl Lab {
    /// Peers with the same chain, each with options of `tipward serve`.
    fn new(blocks: u32, peers: &[&[&str]]) -> Self {
        let dir = temp_dir();
        let chain = dir.path().join("chain.dat");
        let generated = finish(
            tipward()
                .args(["generate", "--blocks", &blocks.to_string(), "--out"])
                .arg(&chain),
        );
        assert!(generated.status.success(), "{}", generated.stderr);
        let peers = peers
            .iter()
            .map(|options| Peer::start("regtest", &[&chain], options))
            .collect();
        Self { dir, peers }
    }

    fn options(&self) -> NodeOptions {
        NodeOptions::new("regtest").connect(&self.peers)
    }

    fn datadir(&self) -> &Path {
        self.dir.path()
    }
}

fn status(node: &Node) -> Status {
    serde_json::from_slice(&node.get("/watch/status").unwrap()).unwrap()
}

/// Waits for a status that is as wanted.
fn wait_for_status(node: &Node, what: &str, is_it: impl Fn(&Status) -> bool) -> Status {
    wait_for(what, || Some(status(node)).filter(|status| is_it(status)))
}

#[test]
fn the_status_is_what_json_rpc_says() {
    let lab = Lab::new(60, &[&[], &[]]);
    let node = lab.options().start(lab.datadir());
    node.wait_for_height(60);
    let status = wait_for_status(&node, "the tip", |s| {
        s.phase == Phase::Synced && s.sync.tip == 60
    });
    assert_eq!(status.sync.tip_hash, node.tip());
    let chain = node.call("getblockchaininfo", json!([]));
    assert_eq!(json!(status.sync.headers), chain["headers"]);
    assert_eq!(
        json!(status.sync.initial_block_download),
        chain["initialblockdownload"]
    );
    assert_eq!(
        json!(status.disk.blocks + status.disk.undo),
        chain["size_on_disk"]
    );
    assert_eq!(status.sync.progress, 1.0);
    assert_eq!(status.sync.bytes_missing, 0);
    assert_eq!(status.sync.bytes_waiting, 0);
    // Frames have 8 bytes more than blocks; the genesis block is in the files, and nobody downloads it.
    assert!(status.sync.bytes_validated < status.disk.blocks);
    let peers = node.peers();
    assert_eq!(status.peers.len(), peers.len());
    for (peer, rpc) in status.peers.iter().zip(&peers) {
        assert_eq!(json!(peer.id), rpc["id"]);
        assert_eq!(json!(peer.addr), rpc["addr"]);
        assert_eq!(json!(peer.kind), rpc["connection_type"]);
        assert_eq!(json!(peer.user_agent), rpc["subver"]);
        assert_eq!(json!(peer.version), rpc["version"]);
        assert_eq!(json!(peer.services), rpc["servicesnames"]);
        assert_eq!(json!(peer.transport), rpc["transport_protocol_type"]);
    }
    let tips = node.call("getchaintips", json!([]));
    assert_eq!(json!(status.tips[0].hash), tips[0]["hash"]);
    assert_eq!(status.tips_in_all, tips.as_array().unwrap().len());
    node.stop();
}

#[test]
fn a_peer_that_stalls_is_seen_in_the_strip_and_progress_never_falls() {
    // One that stops after a few blocks, and one that goes on slowly.
    let lab = Lab::new(
        900,
        &[
            &["--stall-after", "8"],
            &["--rate", "200000", "--latency", "20"],
        ],
    );
    let node = NodeOptions::new("regtest")
        .connect(&lab.peers[..1])
        .start(lab.datadir());
    let is_bad = |state| matches!(state, PeerState::Late | PeerState::Silent);
    // Nobody else can be asked for what it owes.
    wait_for_status(&node, "a late peer in the strip", |status| {
        status.strip.cells.iter().any(|cell| cell.is_late())
            && status.peers.iter().any(|peer| is_bad(peer.state))
    });
    node.call("addnode", json!([lab.peers[1].addr.to_string(), "onetry"]));
    let mut last = 0.0;
    wait_for("the sync", || {
        let status = status(&node);
        let progress = status.sync.progress;
        assert!((last..=1.0).contains(&progress), "{progress} after {last}");
        last = progress;
        (status.sync.tip == 900 && progress == 1.0).then_some(())
    });
    node.stop();
}

#[test]
fn metrics_and_health_speak_of_the_same_node() {
    let lab = Lab::new(20, &[&[]]);
    let node = lab.options().start(lab.datadir());
    wait_for_status(&node, "the tip", |s| {
        s.sync.tip == 20 && s.events.blocks_validated == 20
    });
    let metrics = String::from_utf8(node.get("/metrics").unwrap()).unwrap();
    for line in [
        "tipward_height_blocks{step=\"verified\"} 20",
        "tipward_phase{phase=\"synced\"} 1",
        "tipward_blocks_validated_total 20",
        "tipward_peers{direction=\"outbound\",state=\"idle\"} 1",
        "tipward_stage_seconds_count{stage=\"check\"} 20",
        "tipward_stage_seconds_count{stage=\"connect\"} 20",
        "tipward_stage_seconds_count{stage=\"script\"} 20",
        "tipward_stage_seconds_count{stage=\"flush\"} 0",
        "tipward_block_arrival_seconds_count 20",
    ] {
        assert!(
            metrics.lines().any(|l| l == line),
            "no {line} in\n{metrics}"
        );
    }
    assert_eq!(node.get("/health").unwrap(), b"synced\n");
    // By Core's rule a chain whose last block is of long ago is still being downloaded.
    let ready = node.get("/ready").unwrap_err();
    assert!(
        ready.contains("503") && ready.contains("initial block download"),
        "{ready}"
    );
    node.stop();
}

#[test]
fn without_the_option_nothing_is_shown() {
    let dir = temp_dir();
    let node = NodeOptions::new("regtest")
        .args(&["--connect", "0", "--watch", "off"])
        .start(dir.path());
    assert!(node.get("/watch/status").unwrap_err().contains("404"));
    assert!(!node.log().contains("Watch the node"));
    node.stop();
}

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Opens the page of a node that is a lab's, at a port that outlives it.
struct Page {
    browser: Browser,
    options: NodeOptions,
}

impl Page {
    fn new(lab: &Lab) -> Option<Self> {
        let browser = Browser::start()?;
        let bind = format!("127.0.0.1:{}", free_port());
        let options = lab.options().args(&["--rpcbind", &bind]);
        let mut page = Self { browser, options };
        page.browser.look(1280, "light");
        page.browser.complaints.clear();
        Some(page)
    }

    fn open(&mut self) {
        let bind = self.options.last_arg().to_owned();
        self.browser.open(&format!("http://{bind}/"));
    }

    fn wait_until(&mut self, what: &str, expression: &str) {
        wait_for(what, || {
            (self.browser.evaluate(expression) == json!(true)).then_some(())
        });
    }

    fn is_live(&mut self, live: bool) {
        let expression =
            format!("document.getElementById('live').classList.contains('on') === {live}");
        self.wait_until("the connection", &expression);
    }
}

const MID_SYNC: [&[&str]; 2] = [
    &["--rate", "90000", "--latency", "5"],
    &["--rate", "30000", "--latency", "30"],
];

#[test]
fn the_page_updates_while_a_sync_runs_and_shows_the_figures_of_json_rpc() {
    let lab = Lab::new(500, &MID_SYNC);
    let Some(mut page) = Page::new(&lab) else {
        return;
    };
    let node = page.options.start(lab.datadir());
    page.open();
    assert_eq!(page.browser.evaluate("location.pathname"), "/watch");
    // Figures move by themselves, and are never ahead of the node.
    let mut seen = Vec::new();
    wait_for("the page to follow the sync", || {
        let shown = page.browser.figure("tip");
        assert!(shown <= node.height(), "the page is ahead of the node");
        if seen.last() != Some(&shown) {
            seen.push(shown);
        }
        (shown == 500).then_some(())
    });
    assert!(seen.len() > 3, "the page jumped: {seen:?}");
    page.wait_until(
        "the end",
        "document.getElementById('phase').innerText === 'At the tip'",
    );
    assert_eq!(page.browser.text("percent"), "100.00");
    assert_eq!(page.browser.figure("headers"), 500);
    let tip: Value = page
        .browser
        .evaluate("document.querySelector('#tips td.mono').title");
    assert_eq!(tip, json!(node.tip()));
    let rows = page
        .browser
        .evaluate("document.querySelector('#peers').tBodies[0].rows.length");
    assert_eq!(rows, json!(node.peers().len()));
    // The strip can be read without seeing it.
    page.browser
        .evaluate("document.getElementById('strip').focus()");
    let key =
        json!({ "type": "keyDown", "key": "End", "code": "End", "windowsVirtualKeyCode": 35 });
    page.browser.call("Input.dispatchKeyEvent", key);
    page.wait_until(
        "the last cell",
        "document.getElementById('strip').getAttribute('aria-valuetext') === 'Block 500: verified'",
    );
    assert_eq!(page.browser.complaints, Vec::<String>::new());
    node.stop();
}

#[test]
fn the_page_survives_a_restart_of_the_node() {
    let lab = Lab::new(30, &[&[]]);
    let Some(mut page) = Page::new(&lab) else {
        return;
    };
    let node = page.options.start(lab.datadir());
    node.wait_for_height(30);
    page.open();
    page.is_live(true);
    page.wait_until(
        "the tip",
        "document.getElementById('tip').innerText === '30'",
    );
    node.stop();
    page.is_live(false);
    let node = page.options.start(lab.datadir());
    page.is_live(true);
    page.wait_until(
        "the tip",
        "document.getElementById('tip').innerText === '30'",
    );
    assert_eq!(page.browser.complaints, Vec::<String>::new());
    node.stop();
}

/// Writes the pictures of docs/watch.md: `cargo test -p tipward --test node pictures -- --ignored`.
#[test]
#[ignore = "writes into docs/images"]
fn pictures_of_the_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    std::fs::create_dir_all(&docs).unwrap();
    let lab = Lab::new(
        2_600,
        &[
            &["--rate", "160000", "--latency", "4"],
            &["--rate", "90000", "--latency", "15"],
            &["--rate", "60000", "--latency", "60"],
            &[
                "--rate",
                "25000",
                "--latency",
                "120",
                "--stall-after",
                "150",
            ],
        ],
    );
    let Some(mut page) = Page::new(&lab) else {
        return;
    };
    let node = page.options.start(lab.datadir());
    page.open();
    let pictures = |page: &mut Page, name: &str| {
        for (width, phone) in [(1280, ""), (390, "-phone")] {
            for scheme in ["light", "dark"] {
                page.browser.look(width, scheme);
                std::thread::sleep(std::time::Duration::from_millis(900));
                page.browser
                    .picture(&docs.join(format!("{name}{phone}-{scheme}.png")));
            }
        }
    };
    wait_for("half of the chain", || {
        (page.browser.figure("tip") > 700).then_some(())
    });
    pictures(&mut page, "sync");
    node.wait_for_height(2_600);
    page.wait_until(
        "the end",
        "document.getElementById('phase').innerText === 'At the tip'",
    );
    pictures(&mut page, "tip");
    assert_eq!(page.browser.complaints, Vec::<String>::new());
    node.stop();
}
