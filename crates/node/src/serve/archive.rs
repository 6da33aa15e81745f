//! Block files, mapped into memory and indexed, and the chain that their blocks form.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, ensure};
use bitcoin::consensus::Decodable as _;
use bitcoin::hashes::{Hash as _, sha256d};
use memmap2::Mmap;
use tipward_primitives::{BlockHash, Header, Height, Params, Work};

/// Bytes before each block in a file: the network's magic and the block's size.
const FRAME_HEADER: usize = 8;
/// Bytes of a block header.
const BLOCK_HEADER: usize = 80;
/// No block of any network is larger (its weight limit); a greater size in a file means that it is no block file.
const MAX_BLOCK_SIZE: usize = 4_000_000;

/// One block in a mapped file.
#[derive(Clone)]
pub(crate) struct StoredBlock {
    map: Arc<Mmap>,
    range: Range<usize>,
    /// Of a v1 message that carries the block: computed once, whoever asks however often.
    pub(crate) checksum: [u8; 4],
    /// Its header.
    pub(crate) header: Header,
}

impl StoredBlock {
    /// The serialized block.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map[self.range.clone()]
    }
}

/// Where a block stands in the chain.
#[derive(Clone, Copy)]
struct Place {
    height: Height,
    work: Work,
}

/// The block files of one peer.
pub struct Archive {
    magic: [u8; 4],
    state: RwLock<State>,
}

struct State {
    files: Vec<BlockFile>,
    blocks: HashMap<BlockHash, StoredBlock>,
    /// Blocks that reach back to the genesis block.
    places: HashMap<BlockHash, Place>,
    /// Blocks whose parent has not been seen, by parent.
    waiting: HashMap<BlockHash, Vec<BlockHash>>,
    /// The chain with the most work, from the genesis block.
    active: Vec<Header>,
    active_hashes: Vec<BlockHash>,
}

struct BlockFile {
    path: PathBuf,
    /// Everything before this offset has been indexed.
    indexed: usize,
}

impl Archive {
    /// Maps and indexes `files`, which may hold blocks in any order.
    pub fn open(files: &[PathBuf], params: &Params) -> anyhow::Result<Self> {
        let genesis = params.genesis.header;
        let place = Place {
            height: 0,
            work: genesis.work(),
        };
        let archive = Self {
            magic: params.magic,
            state: RwLock::new(State {
                files: files
                    .iter()
                    .map(|path| BlockFile {
                        path: path.clone(),
                        indexed: 0,
                    })
                    .collect(),
                blocks: HashMap::new(),
                places: HashMap::from([(params.genesis_hash, place)]),
                waiting: HashMap::new(),
                active: vec![genesis],
                active_hashes: vec![params.genesis_hash],
            }),
        };
        archive.refresh()?;
        Ok(archive)
    }

    /// Indexes what was appended to the files since; says whether the chain's tip changed.
    pub fn refresh(&self) -> anyhow::Result<bool> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = state.tip_hash();
        for i in 0..state.files.len() {
            let file = &state.files[i];
            let (blocks, indexed) = scan(&file.path, file.indexed, self.magic)
                .with_context(|| format!("block file {}", file.path.display()))?;
            state.files[i].indexed = indexed;
            for block in blocks {
                state.add(block);
            }
        }
        Ok(state.tip_hash() != before)
    }

    /// Height and hash of the chain's tip.
    pub fn tip(&self) -> (Height, BlockHash) {
        let state = self.read();
        (state.active.len() as Height - 1, state.tip_hash())
    }

    /// Number of blocks, those beside the active chain included.
    pub fn len(&self) -> usize {
        self.read().blocks.len()
    }

    /// Whether there is no block at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, hash: &BlockHash) -> Option<StoredBlock> {
        self.read().blocks.get(hash).cloned()
    }

    pub(crate) fn height_of(&self, hash: &BlockHash) -> Option<Height> {
        self.read().places.get(hash).map(|place| place.height)
    }

    /// Up to `max` headers of the active chain after the first hash of `locator` that lies on it, ending at `stop`.
    pub(crate) fn headers_after(
        &self,
        locator: &[BlockHash],
        stop: BlockHash,
        max: usize,
    ) -> Vec<Header> {
        let state = self.read();
        let from = locator
            .iter()
            .find_map(|hash| state.active_height(hash))
            .unwrap_or(0);
        let mut headers = Vec::new();
        for (header, hash) in state.active[from..]
            .iter()
            .zip(&state.active_hashes[from..])
            .skip(1)
            .take(max)
        {
            headers.push(*header);
            if *hash == stop {
                break;
            }
        }
        headers
    }

    /// Headers of the active chain that somebody who knows the chain up to `old_tip` lacks.
    pub(crate) fn headers_since(&self, old_tip: BlockHash) -> Vec<Header> {
        let state = self.read();
        let mut hash = old_tip;
        let from = loop {
            match (state.active_height(&hash), state.blocks.get(&hash)) {
                (Some(height), _) => break height,
                (None, Some(block)) => hash = block.header.prev_blockhash,
                (None, None) => break 0,
            }
        };
        state.active[from + 1..].to_vec()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tip_hash(&self) -> BlockHash {
        *self
            .active_hashes
            .last()
            .expect("the genesis block is always there")
    }

    fn active_height(&self, hash: &BlockHash) -> Option<usize> {
        let height = self.places.get(hash)?.height as usize;
        (self.active_hashes.get(height) == Some(hash)).then_some(height)
    }

    fn add(&mut self, block: StoredBlock) {
        let hash = block.header.block_hash();
        let parent = block.header.prev_blockhash;
        if self.blocks.insert(hash, block).is_some() || self.places.contains_key(&hash) {
            return;
        }
        if !self.places.contains_key(&parent) {
            self.waiting.entry(parent).or_default().push(hash);
            return;
        }
        let mut ready = vec![hash];
        while let Some(hash) = ready.pop() {
            self.place(hash);
            ready.extend(self.waiting.remove(&hash).unwrap_or_default());
        }
    }

    /// Gives a block, whose parent has a place, its own, and moves the active chain if it has more work.
    fn place(&mut self, hash: BlockHash) {
        let header = self.blocks[&hash].header;
        let parent = self.places[&header.prev_blockhash];
        let place = Place {
            height: parent.height + 1,
            work: parent.work + header.work(),
        };
        self.places.insert(hash, place);
        if place.work <= self.places[&self.tip_hash()].work {
            return;
        }
        let mut branch = vec![(header, hash)];
        let mut parent = header.prev_blockhash;
        let fork = loop {
            if let Some(height) = self.active_height(&parent) {
                break height;
            }
            let header = self.blocks[&parent].header;
            branch.push((header, parent));
            parent = header.prev_blockhash;
        };
        self.active.truncate(fork + 1);
        self.active_hashes.truncate(fork + 1);
        for (header, hash) in branch.into_iter().rev() {
            self.active.push(header);
            self.active_hashes.push(hash);
        }
    }
}

/// Blocks of a file from `from` on, and the offset up to which it is indexed: a block that is still being appended is
/// left for the next time, and so are the zeros that Bitcoin Core fills its last file with.
fn scan(path: &Path, from: usize, magic: [u8; 4]) -> anyhow::Result<(Vec<StoredBlock>, usize)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len() as usize;
    if length < from + FRAME_HEADER {
        return Ok((Vec::new(), from));
    }
    let map = Arc::new(map(&file)?);
    let mut blocks = Vec::new();
    let mut at = from;
    while let Some(frame) = map.get(at..at + FRAME_HEADER) {
        let (found, size) = frame.split_at(4);
        if found == [0; 4] {
            break;
        }
        ensure!(
            found == magic,
            "no block of this network at offset {at}: magic {found:02x?} instead of {magic:02x?}"
        );
        let size = size
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        ensure!(
            (BLOCK_HEADER..=MAX_BLOCK_SIZE).contains(&size),
            "no block at offset {at}: size {size}"
        );
        let range = at + FRAME_HEADER..at + FRAME_HEADER + size;
        let Some(bytes) = map.get(range.clone()) else {
            break;
        };
        let digest = sha256d::Hash::hash(bytes).to_byte_array();
        blocks.push(StoredBlock {
            header: Header::consensus_decode(&mut &bytes[..BLOCK_HEADER])
                .context("a block header")?,
            checksum: [digest[0], digest[1], digest[2], digest[3]],
            map: map.clone(),
            range: range.clone(),
        });
        at = range.end;
    }
    Ok((blocks, at))
}

#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: block files are only ever appended to, and only the part that was there when the file was mapped is
    // read. Somebody who truncates one under us ends this process (SIGBUS), which serves tests and labs.
    unsafe { Mmap::map(file) }
}
