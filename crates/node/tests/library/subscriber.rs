//! A subscriber gets every block in order, over reorganizations and restarts.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tipward::bitcoin::BlockHash;
use tipward::config::{Options, Switch};
use tipward::{BlockEvent, Cursor, NetworkName, Node, StartAt, SubscribeError, Subscription};
use tipward_rpc::client::{Client, Login};
use tokio::time::timeout;

/// No step of a test takes as long on any machine: reaching it means that it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

struct Lab {
    dir: TempDir,
    node: Option<Node>,
}

async fn start(dir: &Path, change: impl FnOnce(&mut Options)) -> Node {
    Node::builder()
        .network(NetworkName::Regtest)
        .datadir(dir)
        .connect([] as [&str; 0])
        .rpc(true)
        .options(|options| options.rpcbind = Some(vec!["127.0.0.1:0".to_owned()]))
        .options(change)
        .start()
        .await
        .unwrap()
}

impl Lab {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = Some(start(dir.path(), change).await);
        Self { dir, node }
    }

    fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    async fn restart(&mut self) {
        self.node.take().unwrap().stop().await.unwrap();
        self.node = Some(start(self.dir.path(), |_| {}).await);
    }

    async fn call(&self, method: &'static str, params: Value) -> Value {
        let client = Client {
            addr: self.node().rpc_addr().unwrap(),
            login: Login::Cookie(self.dir.path().join("regtest/.cookie")),
            timeout: Some(PATIENCE),
        };
        tokio::task::spawn_blocking(move || client.call(method, &params).unwrap())
            .await
            .unwrap()
    }

    /// Makes blocks that pay to a script of this mark, so that branches differ.
    async fn mine(&self, count: u32, mark: u8) -> Vec<BlockHash> {
        let script = format!("raw(01{mark:02x})");
        let made = self
            .call("generatetodescriptor", json!([count, script]))
            .await;
        serde_json::from_value(made).unwrap()
    }

    async fn stop(mut self) {
        self.node.take().unwrap().stop().await.unwrap();
    }
}

async fn next(blocks: &mut Subscription) -> BlockEvent {
    timeout(PATIENCE, blocks.next())
        .await
        .unwrap()
        .unwrap()
        .expect("the node runs")
}

/// The next events, as signed heights and hashes: those that left are negative.
async fn take(blocks: &mut Subscription, count: usize) -> Vec<(i64, BlockHash)> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(match next(blocks).await {
            BlockEvent::Connected {
                height,
                hash,
                block,
            } => {
                assert_eq!(block.block_hash(), hash);
                (i64::from(height), hash)
            }
            BlockEvent::Disconnected {
                height,
                hash,
                block,
                parent,
            } => {
                let block = block.unwrap();
                assert_eq!(block.block_hash(), hash);
                assert_eq!(block.header().prev_blockhash, parent);
                (-i64::from(height), hash)
            }
        });
    }
    events
}

fn numbered(from: i64, hashes: &[BlockHash]) -> Vec<(i64, BlockHash)> {
    (from..).zip(hashes.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_come_in_order_from_any_height_and_then_as_they_are_made() {
    let lab = Lab::start().await;
    let made = lab.mine(150, 1).await;
    let node = lab.node().handle();
    let mut all = node.subscribe(StartAt::Height(0));
    assert_eq!(all.cursor(), None);
    assert_eq!(take(&mut all, 1).await[0].0, 0);
    assert_eq!(take(&mut all, 150).await, numbered(1, &made));
    let mut some = node.subscribe(StartAt::Height(149));
    assert_eq!(take(&mut some, 2).await, numbered(149, &made[148..]));
    let mut news = node.subscribe(StartAt::Tip);
    let mut later = node.subscribe(StartAt::Height(152));
    let more = lab.mine(3, 2).await;
    for blocks in [&mut all, &mut some, &mut news] {
        assert_eq!(take(blocks, 3).await, numbered(151, &more));
        assert_eq!(blocks.cursor().unwrap().hash, more[2]);
    }
    assert_eq!(take(&mut later, 2).await, numbered(152, &more[1..]));
    lab.stop().await;
    assert!(matches!(all.next().await, Ok(None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganization_takes_the_old_blocks_back_newest_first() {
    let lab = Lab::start().await;
    let made = lab.mine(10, 1).await;
    let mut blocks = lab.node().handle().subscribe(StartAt::Tip);
    lab.call("invalidateblock", json!([made[7]])).await;
    let left = [(-10, made[9]), (-9, made[8]), (-8, made[7])];
    assert_eq!(take(&mut blocks, 3).await, left);
    assert_eq!(
        blocks.cursor().unwrap(),
        Cursor {
            height: 7,
            hash: made[6]
        }
    );
    let branch = lab.mine(4, 2).await;
    assert_eq!(take(&mut blocks, 4).await, numbered(8, &branch));
    lab.call("reconsiderblock", json!([made[7]])).await;
    // It has less work, and stays aside; what comes next builds on the branch.
    let next = lab.mine(1, 3).await;
    assert_eq!(take(&mut blocks, 1).await, numbered(12, &next));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_goes_on_after_a_restart_over_what_happened_meanwhile() {
    let mut lab = Lab::start().await;
    let made = lab.mine(5, 1).await;
    let file = lab.dir.path().join("cursor");
    {
        let mut blocks = lab.node().handle().subscribe(StartAt::Height(1));
        take(&mut blocks, 4).await;
        blocks.cursor().unwrap().save(&file).unwrap();
    }
    lab.restart().await;
    let kept = Cursor::load(&file).unwrap().unwrap();
    assert_eq!((kept.height, kept.hash), (4, made[3]));
    let mut blocks = lab.node().handle().subscribe(StartAt::After(kept));
    assert_eq!(take(&mut blocks, 1).await, numbered(5, &made[4..]));
    let tip = blocks.cursor().unwrap();

    // Nobody listens while another branch wins, and the node restarts again.
    lab.call("invalidateblock", json!([made[2]])).await;
    let branch = lab.mine(4, 2).await;
    lab.restart().await;
    let mut blocks = lab.node().handle().subscribe(StartAt::After(tip));
    let mut expected = vec![(-5, made[4]), (-4, made[3]), (-3, made[2])];
    expected.extend(numbered(3, &branch));
    assert_eq!(take(&mut blocks, 7).await, expected);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_takes_nothing_holds_nobody_up_and_loses_nothing() {
    let lab = Lab::start().await;
    let mut slow = lab.node().handle().subscribe(StartAt::Height(1));
    let mut made = Vec::new();
    // More chunks than wait for a subscriber.
    for _ in 0..5 {
        made.extend(lab.mine(100, 1).await);
    }
    assert_eq!(lab.node().handle().view().tip_height(), 500);
    assert_eq!(take(&mut slow, 500).await, numbered(1, &made));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_chain_is_refused() {
    let lab = Lab::start().await;
    let made = lab.mine(3, 1).await;
    let other = Lab::start().await;
    other.mine(4, 2).await;
    let cursor = Cursor {
        height: 3,
        hash: made[2],
    };
    let mut blocks = other.node().handle().subscribe(StartAt::After(cursor));
    let error = blocks.next().await.unwrap_err();
    assert!(matches!(error, SubscribeError::UnknownCursor(at) if at == cursor));
    lab.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_was_pruned_is_named_and_the_later_ones_come_all_the_same() {
    let lab = Lab::start_with(|options| {
        options.prune = Some(1);
        options.fastprune = Some(Switch(true));
    })
    .await;
    let mut made = Vec::new();
    for _ in 0..8 {
        made.extend(lab.mine(100, 1).await);
    }
    let pruned = lab.call("pruneblockchain", json!([500])).await;
    assert!(pruned.as_u64().unwrap() >= 1, "{pruned}");
    let node = lab.node().handle();
    let mut first = node.subscribe(StartAt::Height(1));
    let error = first.next().await.unwrap_err();
    assert!(
        matches!(error, SubscribeError::NotStored { height: 1, hash } if hash == made[0]),
        "{error}"
    );
    let mut later = node.subscribe(StartAt::Height(600));
    assert_eq!(take(&mut later, 201).await, numbered(600, &made[599..]));
    lab.stop().await;
}
