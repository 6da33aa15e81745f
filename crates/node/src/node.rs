//! A running node: how its parts are started, joined and ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tipward_chain::ChainView;
use tipward_coins::CoinsDb;
use tipward_p2p::snapshot::Snapshot;
use tipward_rpc::ZmqNotification;
use tipward_store::{BlockReader, UndoReader};
use tipward_validation::{CoinsHandle, Pipeline};
use tipward_watch::{Feed, Status};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::builder::NodeBuilder;
use crate::config::Config;
use crate::descriptors;
use crate::load;
use crate::net::clock::Clock;
use crate::net::dial::Dialer;
use crate::net::dns::Dns;
use crate::net::driver::{Driver, Parts, Published, Task, Tip};
use crate::net::limit::{Limit, Limits};
use crate::net::listen;
use crate::net::mailbox::Mailbox;
use crate::net::peer_files::PeerFiles;
use crate::pid_file::PidFile;
use crate::rpc::Rpc;
use crate::zmq::Outlets;
use crate::{wall_clock, watch};

/// Questions and commands that may wait for the driver.
const TASK_QUEUE: usize = 256;

/// A running node. When it is dropped without [`Node::stop`] it ends by itself, a little later.
pub struct Node {
    handle: NodeHandle,
    listening: Vec<SocketAddr>,
    rpc: Option<Rpc>,
    _pid_file: Option<PidFile>,
    driver: Option<oneshot::Receiver<anyhow::Result<()>>>,
}

/// What other parts of the process hold of a running node. Cheap to clone.
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) tasks: mpsc::Sender<Task>,
    pub(crate) view: Arc<ArcSwap<ChainView>>,
    pub(crate) tip: tokio::sync::watch::Receiver<Tip>,
    pub(crate) clock: Clock,
    pub(crate) blocks: BlockReader,
    pub(crate) undo: UndoReader,
    pub(crate) coins: CoinsHandle,
    pub(crate) coins_db: CoinsDb,
    pub(crate) shutdown: CancellationToken,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) started: Instant,
    pub(crate) feed: Feed,
    pub(crate) config: Arc<Config>,
    pub(crate) zmq: Arc<[ZmqNotification]>,
}

impl Node {
    /// Says what node to start, from inside another program.
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// Starts a node; returns when it can take part in the network and answer questions.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut config = config;
        let wanted = config.peers.max_connections;
        let room = descriptors::connections(wanted, config.peers.listen.len())?;
        if room < wanted {
            tracing::warn!(
                target: "node",
                "Keeping {room} connections at most, not {wanted}: the process may not have more files open (ulimit -n, or \
                 LimitNOFILE= of a service)"
            );
            config.peers.max_connections = room;
        }
        let config = Arc::new(config);
        let params = Arc::new(config.params.clone());
        let clock = Clock::default();
        wall_clock::check(clock.now(), &params)?;
        let shutdown = CancellationToken::new();
        for notice in &config.notices {
            tracing::info!(target: "node", "{notice}");
        }
        let publisher = watch::begin(&config);

        // The lock comes first: nothing of a directory that another node uses may be touched.
        let (files, loaded) = {
            let (config, params) = (config.clone(), params.clone());
            blocking(move || load::open(&config.netdir, &params, &config.sync)).await?
        };
        let pid_file = config.pid_file.as_deref();
        let pid_file = pid_file.map(PidFile::create).transpose()?;
        let listeners = listen::bind(&config.peers.listen)?;
        let listening = listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect();
        let rpc = match &config.rpc {
            Some(rpc) => Some(Rpc::start(rpc, publisher.feed()).await?),
            None => None,
        };
        let outlets = Outlets::bind(&config.zmq).await?;
        let beginning = publisher.feed().newest().status.node.clone();
        publisher.publish(Status::starting(
            beginning.clone(),
            "Loading headers and the block index",
        ));
        let start = {
            let (params, now) = (params.clone(), clock.now());
            blocking(move || load::load(files, loaded, &params, now)).await?
        };

        let blocks = start.files.store.reader();
        let published = Published::new(start.chain.view());
        let verdicts = Mailbox::default();
        let coins_db = start.files.coins.clone();
        let pipeline = Pipeline::start(
            start.files.store,
            start.files.undo,
            start.files.coins,
            start.chain.view(),
            &load::pipeline_options(&config.sync),
            {
                let verdicts = verdicts.clone();
                move |event| verdicts.leave(event)
            },
        )
        .context("cannot start validation")?;
        let dns = Dns::new(config.peers.dns_server);
        let peer_files = PeerFiles::new(&config.netdir, clock.now());
        let machine = peer_files.machine(&config, start.chain);
        let (tasks_in, tasks) = mpsc::channel(TASK_QUEUE);
        let handle = NodeHandle {
            tasks: tasks_in,
            view: published.view.clone(),
            tip: published.tip.subscribe(),
            clock: clock.clone(),
            blocks: blocks.clone(),
            undo: pipeline.undo_reader(),
            coins: pipeline.coins(),
            coins_db,
            shutdown: shutdown.clone(),
            runtime: tokio::runtime::Handle::current(),
            started,
            feed: publisher.feed(),
            config: config.clone(),
            zmq: outlets.notifications().into(),
        };
        outlets.start(handle.clone());
        let driver = drive(
            Parts {
                machine,
                clock,
                pipeline,
                verdicts,
                blocks,
                dialer: Dialer::new(&config.peers, dns.clone(), params.p2p_port),
                dns,
                listeners,
                magic: params.magic,
                limits: Limits {
                    download: Limit::new(config.peers.download_limit),
                    upload: Limit::new(config.peers.upload_limit),
                },
                published,
                stop_at_height: config.stop_at_height,
                peer_files,
                shutdown,
            },
            tasks,
        )?;
        tokio::spawn(watch::collect(handle.clone(), publisher, beginning));
        if let Some(rpc) = &rpc {
            rpc.ready(handle.clone());
        }
        let tip = *handle.tip.borrow();
        tracing::info!(
            target: "node",
            "Ready after {} ms at height {}, tip {}",
            started.elapsed().as_millis(),
            tip.height,
            tip.hash
        );
        Ok(Self {
            handle,
            listening,
            rpc,
            _pid_file: pid_file,
            driver: Some(driver),
        })
    }

    /// For questions and commands.
    pub fn handle(&self) -> &NodeHandle {
        &self.handle
    }

    /// Where peers can connect to.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// Where JSON-RPC is answered.
    pub fn rpc_addr(&self) -> Option<SocketAddr> {
        self.rpc.as_ref().map(Rpc::addr)
    }

    /// Waits until the node ends by itself: told so by JSON-RPC, at `--stopatheight`, or because it cannot go on,
    /// which is an error.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        let Some(driver) = &mut self.driver else {
            return Ok(());
        };
        let result = driver
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the network thread ended unexpectedly")));
        self.driver = None;
        if let Some(rpc) = self.rpc.take() {
            rpc.stop().await;
        }
        result
    }

    /// Ends the node in order; everything that was checked is on disk when this returns.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.handle.shutdown.cancel();
        self.ended().await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.handle.shutdown.cancel();
    }
}

impl NodeHandle {
    /// The chain as it was last published.
    pub fn view(&self) -> Arc<ChainView> {
        self.view.load_full()
    }

    /// The tip as it was last published, and word of the next.
    pub fn tip(&self) -> tokio::sync::watch::Receiver<Tip> {
        self.tip.clone()
    }

    /// Reads stored blocks.
    pub fn blocks(&self) -> &BlockReader {
        &self.blocks
    }

    /// Peers, traffic and download; `None` when the node has ended.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.ask(|driver| driver.machine.snapshot()).await
    }

    /// Whether the tip is the end of the best chain of headers and recent, so that there is nothing to catch up with.
    pub fn is_synced(&self) -> bool {
        let view = self.view();
        view.tip() == view.best_header() && !view.is_initial_block_download(self.clock.now())
    }

    /// What the node shows of itself.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Begins to end the node.
    pub fn begin_stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits until the validated tip has at least this height; `false` if the node ends first.
    pub async fn wait_for_height(&self, height: u32) -> bool {
        let mut tip = self.tip.clone();
        tokio::select! {
            reached = tip.wait_for(|tip| tip.height >= height) => reached.is_ok(),
            () = self.shutdown.cancelled() => false,
        }
    }

    /// Has the driver work something out between two inputs; `None` when it has ended.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Driver) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer_in, answer) = oneshot::channel();
        let task: Task = Box::new(move |driver| {
            // Who asked may be gone.
            let _ = answer_in.send(question(driver));
        });
        self.tasks.send(task).await.ok()?;
        answer.await.ok()
    }
}

/// Runs the driver on a thread of its own.
fn drive(
    parts: Parts,
    tasks: mpsc::Receiver<Task>,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<()>>> {
    let runtime = tokio::runtime::Handle::current();
    let (ended_in, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("net".to_owned())
        .spawn(move || {
            let result = runtime.block_on(Driver::run(parts, tasks));
            let _ = ended_in.send(result);
        })
        .context("cannot start the network thread")?;
    Ok(ended)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("a thread ended unexpectedly")?
}
