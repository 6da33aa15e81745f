use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use tipward_primitives::{BlockHash, Header, Params, Timestamp, Work};

use crate::cow::CowVec;
use crate::status::Status;
use crate::tree::{HeaderId, HeaderTree};
use crate::view::ChainView;
use crate::work;

/// The header tree, the active chain, its candidate and the best header, with all that changes them.
///
/// There is one in a node, and its owner alone changes it. All that can be read of it is read through [`ChainView`], which
/// it dereferences to; [`Chain::view`] gives a copy for other threads.
///
/// It never connects a block: what is stored and what is known to be invalid makes the candidate
/// ([`ChainView::candidate`]), validation goes there, and [`Chain::set_tip`] notes how far it has come.
#[derive(Debug)]
pub struct Chain {
    pub(crate) view: ChainView,
    /// One for each header; what no reader needs, and so no copy is made of.
    pub(crate) links: Vec<Links>,
    /// The next turn of a block that is stored or linked.
    pub(crate) turns: i32,
    /// The turn that the next preferred block gets, and the work that the candidate had when the last one got its.
    pub(crate) next_precious: i32,
    pub(crate) last_precious_work: Work,
}

/// Where to go from a header away from the genesis block, 12 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    /// The last one that was put in of the headers that build on this one; the genesis block, which builds on none, stands
    /// for none.
    child: HeaderId,
    /// The one that was put in before this one of those with the same parent; likewise.
    sibling: HeaderId,
    /// The block's turn in becoming linked (before that, in being stored): of two branches with the same work, the one whose last block has the earlier
    /// turn was complete first. A preferred block has a negative one.
    pub(crate) turn: i32,
}

impl Links {
    fn with_sibling(sibling: HeaderId) -> Self {
        Self {
            child: HeaderId::GENESIS,
            sibling,
            turn: 0,
        }
    }
}

impl Deref for Chain {
    type Target = ChainView;

    fn deref(&self) -> &ChainView {
        &self.view
    }
}

impl Chain {
    /// A chain of the network's genesis block alone, which counts as stored.
    pub fn new(params: Arc<Params>) -> Self {
        let transactions = u32::try_from(params.genesis.txdata.len()).unwrap_or(u32::MAX);
        let mut genesis = Status::default();
        genesis.transactions = transactions;
        genesis.chain_transactions = u64::from(transactions);
        genesis.set(Status::STORED | Status::LINKED | Status::WAS_ACTIVE);
        let mut status = CowVec::default();
        status.push(genesis);
        let mut active = CowVec::default();
        active.push(HeaderId::GENESIS);
        Self {
            view: ChainView {
                tree: HeaderTree::new(&params.genesis.header),
                params,
                status,
                active,
                leaves: Arc::new(BTreeSet::from([HeaderId::GENESIS])),
                best_header: HeaderId::GENESIS,
                candidate: HeaderId::GENESIS,
                synced_once: false,
                pruned: 0,
            },
            links: vec![Links::with_sibling(HeaderId::GENESIS)],
            turns: 1,
            next_precious: -1,
            last_precious_work: work::zero(),
        }
    }

    /// Makes room for so many headers more, so that taking them in does not have to move what is there.
    pub fn reserve(&mut self, headers: usize) {
        self.view.tree.reserve(headers);
        self.links.reserve(headers);
    }

    /// A copy for readers, as things stand: cheap, since it shares nearly everything with this one.
    pub fn view(&self) -> Arc<ChainView> {
        Arc::new(self.view.clone())
    }

    /// Notes that initial block download is over if it is by `now`; from then on
    /// [`ChainView::is_initial_block_download`] stays false. To be called when the tip changes. Returns whether the node
    /// still catches up.
    pub fn update_initial_block_download(&mut self, now: Timestamp) -> bool {
        self.view.synced_once |= self.view.is_tip_recent(now);
        !self.view.synced_once
    }

    /// Puts in a header that this node accepted in an earlier run. Nothing is checked but that its parent is known: `None`
    /// if it is not.
    pub fn insert_stored(&mut self, header: &Header) -> Option<HeaderId> {
        let hash = header.block_hash();
        if let Some(known) = self.find(&hash) {
            return Some(known);
        }
        let parent = self.tree().find_likely_last(&header.prev_blockhash)?;
        Some(self.insert(header, hash, parent))
    }

    /// Puts in a header that is not known yet and builds on `parent`.
    pub(crate) fn insert(
        &mut self,
        header: &Header,
        hash: BlockHash,
        parent: HeaderId,
    ) -> HeaderId {
        let view = &mut self.view;
        let id = view.tree.insert(header, hash, parent);

        let mut status = Status::default();
        if !view.status[parent.at()].is_valid() {
            status.set(Status::FAILED);
        }
        view.status.push(status);
        let sibling = std::mem::replace(&mut self.links[parent.at()].child, id);
        self.links.push(Links::with_sibling(sibling));

        let leaves = Arc::make_mut(&mut view.leaves);
        leaves.remove(&parent);
        leaves.insert(id);

        let best = view.entry(view.best_header).chainwork();
        if status.is_valid() && view.entry(id).chainwork() > best {
            view.best_header = id;
        }
        id
    }

    /// The headers that build on `id`, the last one that was put in first.
    pub(crate) fn children(&self, id: HeaderId) -> impl Iterator<Item = HeaderId> {
        let some = |id: HeaderId| (id != HeaderId::GENESIS).then_some(id);
        std::iter::successors(some(self.links[id.at()].child), move |child| {
            some(self.links[child.at()].sibling)
        })
    }
}
