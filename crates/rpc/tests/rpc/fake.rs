//! A node of a few blocks: a real chain behind the server's trait, coins without scripts, and a record of what it was
//! told.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tipward_chain::{Chain, ChainView, Fault};
use tipward_consensus::{Reject, RejectKind, ScriptFlags, check_block};
use tipward_primitives::bitcoin::consensus::encode::deserialize;
use tipward_primitives::bitcoin::{Block, OutPoint};
use tipward_primitives::{BlockHash, Header, Height, Network, Params, RawBlock, Timestamp};
use tipward_rpc::{
    AddressCount, Answer, Backend, BanInfo, BlockUndo, CoinSet, CoinValue, Command, FetchRefused,
    Judgement, NetworkName, NetworkSnapshot, NodeAddress, Pruning, Refused, Server, ServerConfig,
    SubmitBlockOutcome, SubmitError, TipRef, Whitelist, ZmqNotification,
};
use tipward_store::StoreError;
use tipward_testkit::build::{BlockBuilder, to_raw};
use tokio::sync::watch;

use crate::ledger::Ledger;

/// Blocks above the genesis block.
pub(crate) const HEIGHT: u32 = 12;

pub(crate) struct FakeNode {
    chain: Mutex<Chain>,
    blocks: Mutex<HashMap<BlockHash, RawBlock>>,
    tip: watch::Sender<TipRef>,
    pub(crate) time: Mutex<Timestamp>,
    pub(crate) network: Mutex<NetworkSnapshot>,
    pub(crate) addresses: Mutex<Vec<NodeAddress>>,
    pub(crate) address_counts: Mutex<Vec<AddressCount>>,
    pub(crate) bans: Mutex<Vec<BanInfo>>,
    /// Parts of the node, and whether they are logged in detail.
    pub(crate) log_details: Mutex<BTreeMap<&'static str, bool>>,
    pub(crate) commands: Mutex<Vec<Command>>,
    pub(crate) refusal: Mutex<Option<Refused>>,
    /// [`Backend::judge_block`] fails.
    pub(crate) judgement_fails: AtomicBool,
    /// Undo data says a satoshi more than there was.
    pub(crate) undo_value_off_by_one: AtomicBool,
    /// Blocks that cannot be read.
    pub(crate) forgotten: Mutex<Vec<BlockHash>>,
    /// A block whose undo data is gone.
    pub(crate) lost_undo: Mutex<Option<BlockHash>>,
    /// A block whose scripts fail.
    pub(crate) bad_scripts: Mutex<Option<BlockHash>>,
    pub(crate) judgements: Mutex<Vec<(BlockHash, Judgement)>>,
    pub(crate) fetched: Mutex<Vec<(BlockHash, u64)>>,
    pub(crate) fetch_refusal: Mutex<Option<FetchRefused>>,
    pub(crate) pruning: Mutex<Option<Pruning>>,
    pub(crate) stopped: AtomicBool,
}

/// What [`FakeNode::new`] is made of, for feeding the same to another node.
pub(crate) struct Material {
    /// The active chain's blocks from height 1 on.
    pub(crate) blocks: Vec<Block>,
    /// A stored block beside the one at height [`HEIGHT`] - 1.
    pub(crate) fork: Block,
    /// A block of which only the header is known, on top of the tip.
    pub(crate) header_only: Block,
}

impl Material {
    pub(crate) fn new(params: &Params) -> Self {
        let mut blocks = Vec::new();
        let mut parent = params.genesis.header;
        for height in 0..HEIGHT {
            let block = BlockBuilder::on(params, &parent, height)
                .extra_nonce(u64::from(height))
                .build();
            parent = block.header;
            blocks.push(block);
        }
        let before_fork = blocks[HEIGHT as usize - 3].header;
        Self {
            fork: BlockBuilder::on(params, &before_fork, HEIGHT - 2)
                .extra_nonce(99)
                .build(),
            header_only: BlockBuilder::on(params, &parent, HEIGHT).build(),
            blocks,
        }
    }
}

impl FakeNode {
    /// A regtest node whose clock stands at the tip's time.
    pub(crate) fn new() -> Arc<Self> {
        let params = Arc::new(Params::new(Network::Regtest));
        let material = Material::new(&params);
        let time = Timestamp::from_secs(u64::from(material.header_only.header.time));
        let node = Self::with_params(params, time);
        for block in material.blocks.iter().chain([&material.fork]) {
            node.take(to_raw(block));
        }
        node.take_header(&material.header_only.header);
        node
    }

    /// Takes a header alone.
    pub(crate) fn take_header(&self, header: &Header) {
        let now = self.now();
        self.chain
            .lock()
            .unwrap()
            .accept_header(header, now)
            .unwrap();
    }

    /// A node of the genesis block alone.
    pub(crate) fn with_params(params: Arc<Params>, time: Timestamp) -> Arc<Self> {
        let chain = Chain::new(params);
        let tip = TipRef {
            hash: chain.tip_hash(),
            height: 0,
        };
        Arc::new(Self {
            chain: Mutex::new(chain),
            blocks: Mutex::default(),
            tip: watch::Sender::new(tip),
            time: Mutex::new(time),
            network: Mutex::default(),
            addresses: Mutex::default(),
            address_counts: Mutex::default(),
            bans: Mutex::default(),
            log_details: Mutex::new([("net", false), ("rpc", true)].into()),
            commands: Mutex::default(),
            refusal: Mutex::default(),
            judgement_fails: AtomicBool::new(false),
            undo_value_off_by_one: AtomicBool::new(false),
            forgotten: Mutex::default(),
            lost_undo: Mutex::default(),
            bad_scripts: Mutex::default(),
            judgements: Mutex::default(),
            fetched: Mutex::default(),
            pruning: Mutex::default(),
            fetch_refusal: Mutex::default(),
            stopped: AtomicBool::new(false),
        })
    }

    pub(crate) fn tip_hash(&self) -> BlockHash {
        self.tip.borrow().hash
    }

    /// A block on top of the tip that nobody has seen yet.
    pub(crate) fn next_block(&self) -> Block {
        let view = self.view();
        BlockBuilder::on(view.params(), &view.header(view.tip()), view.tip_height())
            .extra_nonce(7)
            .build()
    }

    /// Loses a block from its disk. The coins at the tip stay.
    pub(crate) fn forget(&self, hash: &BlockHash) {
        self.forgotten.lock().unwrap().push(*hash);
    }

    /// The coins at the tip.
    pub(crate) fn ledger(&self) -> Ledger {
        let view = self.view();
        let blocks = self.blocks.lock().unwrap();
        let mut ledger = Ledger::new(view.params().genesis_hash);
        for height in 1..=view.tip_height() {
            let raw = &blocks[&view.hash_at(height).unwrap()];
            let block: Block = deserialize(raw.bytes()).unwrap();
            ledger.connect(&block).expect("the active chain connects");
        }
        ledger
    }

    /// Takes a block as the node would from a peer.
    pub(crate) fn take(&self, raw: RawBlock) -> SubmitBlockOutcome {
        let mut chain = self.chain.lock().unwrap();
        let now = *self.time.lock().unwrap();
        let accepted = match chain.accept_header(&raw.header(), now) {
            Ok(accepted) => accepted,
            Err(reject) => return SubmitBlockOutcome::Refused(reject),
        };
        if chain.is_stored(accepted.id) {
            return SubmitBlockOutcome::Duplicate;
        }
        if let Err(reject) = check_block(&chain.context(accepted.id), raw.clone()) {
            if reject.kind != RejectKind::Mutated {
                chain.mark_invalid(&accepted.hash);
            }
            return SubmitBlockOutcome::Refused(reject);
        }
        let block: Block = deserialize(raw.bytes()).unwrap();
        self.blocks.lock().unwrap().insert(accepted.hash, raw);
        chain.mark_stored(&accepted.hash, block.txdata.len() as u32);
        let candidate = chain.hash(chain.candidate());
        let moved = chain.set_tip(&candidate);
        let tip = TipRef {
            hash: chain.tip_hash(),
            height: chain.tip_height(),
        };
        drop(chain);
        match moved {
            Some(_) => {
                self.tip.send_replace(tip);
                SubmitBlockOutcome::Accepted
            }
            None => SubmitBlockOutcome::Inconclusive,
        }
    }
}

impl Backend for FakeNode {
    fn view(&self) -> Arc<ChainView> {
        self.chain.lock().unwrap().view()
    }

    fn tip(&self) -> watch::Receiver<TipRef> {
        self.tip.subscribe()
    }

    fn read_block(&self, hash: &BlockHash) -> Result<Option<RawBlock>, StoreError> {
        if self.forgotten.lock().unwrap().contains(hash) {
            return Ok(None);
        }
        Ok(self.blocks.lock().unwrap().get(hash).cloned())
    }

    fn read_undo(&self, hash: &BlockHash) -> Result<Option<BlockUndo>, Fault> {
        if *self.lost_undo.lock().unwrap() == Some(*hash) {
            return Ok(None);
        }
        let mut undo = self.ledger().undo(hash);
        if self.undo_value_off_by_one.load(Ordering::SeqCst) {
            let coins = undo.iter_mut().flatten().flatten();
            coins.for_each(|coin| coin.value += 1);
        }
        Ok(undo)
    }

    fn coin(&self, outpoint: OutPoint) -> Answer<Result<(TipRef, Option<CoinValue>), Fault>> {
        let tip = *self.tip.borrow();
        let coin = self.ledger().get(&outpoint);
        Box::pin(async move { Ok((tip, coin?)) })
    }

    fn coin_set(&self) -> Answer<Result<Box<dyn CoinSet>, Fault>> {
        let ledger = self.ledger();
        Box::pin(async move { Ok(Box::new(ledger) as Box<dyn CoinSet>) })
    }

    fn pruning(&self) -> Option<Pruning> {
        *self.pruning.lock().unwrap()
    }

    fn prune(&self, height: Height) -> Answer<Result<(), Fault>> {
        let mut chain = self.chain.lock().unwrap();
        let gone: Vec<BlockHash> = (0..=height).filter_map(|at| chain.hash_at(at)).collect();
        chain.mark_pruned(&gone);
        Box::pin(async { Ok(()) })
    }

    fn size_on_disk(&self) -> u64 {
        let blocks = self.blocks.lock().unwrap();
        blocks.values().map(|block| block.size() as u64).sum()
    }

    fn warnings(&self) -> Vec<String> {
        vec!["a warning".into()]
    }

    fn zmq_notifications(&self) -> Vec<ZmqNotification> {
        vec![ZmqNotification {
            kind: "pubhashblock",
            address: "tcp://127.0.0.1:28332".into(),
            high_water_mark: 1000,
        }]
    }

    fn now(&self) -> Timestamp {
        *self.time.lock().unwrap()
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(61_500)
    }

    fn log_path(&self) -> Option<PathBuf> {
        Some("/somewhere/debug.log".into())
    }

    fn log_details(&self) -> Vec<(&'static str, bool)> {
        let details = self.log_details.lock().unwrap();
        details.iter().map(|(part, on)| (*part, *on)).collect()
    }

    fn set_log_detail(&self, part: &str, detailed: bool) -> bool {
        let mut details = self.log_details.lock().unwrap();
        let known = details.get_mut(part).map(|on| *on = detailed);
        known.is_some()
    }

    fn bans(&self) -> Answer<Vec<BanInfo>> {
        let bans = self.bans.lock().unwrap().clone();
        Box::pin(async { bans })
    }

    fn network(&self) -> Answer<NetworkSnapshot> {
        let snapshot = self.network.lock().unwrap().clone();
        Box::pin(async { snapshot })
    }

    fn node_addresses(
        &self,
        count: Option<usize>,
        network: Option<NetworkName>,
    ) -> Answer<Vec<NodeAddress>> {
        let mut addresses = self.addresses.lock().unwrap().clone();
        addresses.retain(|address| network.is_none_or(|network| address.network == network));
        addresses.truncate(count.unwrap_or(usize::MAX));
        Box::pin(async { addresses })
    }

    fn address_counts(&self) -> Answer<Vec<AddressCount>> {
        let counts = self.address_counts.lock().unwrap().clone();
        Box::pin(async { counts })
    }

    fn command(&self, command: Command) -> Answer<Result<(), Refused>> {
        if let Command::SetNetworkActive(active) = &command {
            self.network.lock().unwrap().network_active = *active;
        }
        self.commands.lock().unwrap().push(command);
        let outcome = self.refusal.lock().unwrap().map_or(Ok(()), Err);
        Box::pin(async move { outcome })
    }

    fn submit_header(&self, header: Header) -> Answer<Result<(), SubmitError>> {
        let now = self.now();
        let outcome = self.chain.lock().unwrap().accept_header(&header, now);
        Box::pin(async { outcome.map(|_| ()).map_err(SubmitError::from) })
    }

    fn submit_block(&self, block: RawBlock) -> Answer<SubmitBlockOutcome> {
        let outcome = self.take(block);
        Box::pin(async { outcome })
    }

    fn test_block(&self, block: RawBlock) -> Answer<Result<(), SubmitError>> {
        let block: Block = deserialize(block.bytes()).unwrap();
        let outcome = self.ledger().connect(&block);
        Box::pin(async move { outcome.map_err(SubmitError::from) })
    }

    fn check_scripts(
        &self,
        block: &RawBlock,
        _: &BlockUndo,
        _: ScriptFlags,
    ) -> Result<(), SubmitError> {
        match &*self.bad_scripts.lock().unwrap() {
            Some(bad) if *bad == block.block_hash() => {
                let reason = "block-script-verify-flag-failed (a reason)";
                Err(Reject::new(RejectKind::Consensus, reason, "").into())
            }
            _ => Ok(()),
        }
    }

    fn judge_block(&self, hash: BlockHash, judgement: Judgement) -> Answer<Result<(), Fault>> {
        self.judgements.lock().unwrap().push((hash, judgement));
        let outcome = match self.judgement_fails.load(Ordering::SeqCst) {
            true => Err(Fault {
                what: "the disk is full".into(),
                may_pass: true,
            }),
            false => Ok(()),
        };
        Box::pin(async { outcome })
    }

    fn fetch_block(&self, hash: BlockHash, peer: u64) -> Answer<Result<(), FetchRefused>> {
        self.fetched.lock().unwrap().push((hash, peer));
        let outcome = self.fetch_refusal.lock().unwrap().map_or(Ok(()), Err);
        Box::pin(async move { outcome })
    }

    fn sync(&self) -> Answer<()> {
        Box::pin(async {})
    }

    fn set_mock_time(&self, time: Option<u32>) -> Answer<()> {
        *self.time.lock().unwrap() = Timestamp::from_secs(u64::from(time.unwrap_or(1)));
        Box::pin(async {})
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

/// Name and password that [`serve`] lets in.
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "pass:word";

/// How the tests serve, unless they say otherwise.
pub(crate) fn config() -> ServerConfig {
    ServerConfig {
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        allow: vec![],
        credentials: vec![tipward_rpc::Credentials::new(USER, PASSWORD)],
        salted_logins: vec![],
        whitelist: Whitelist::default(),
        rest: true,
        work_queue: ServerConfig::DEFAULT_WORK_QUEUE,
        watch: None,
    }
}

/// A server over a node.
pub(crate) async fn serve(node: &Arc<FakeNode>) -> Server {
    let server = Server::bind(config()).await.unwrap();
    server.ready(Arc::<FakeNode>::clone(node));
    server
}
