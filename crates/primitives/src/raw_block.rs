use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::Decodable as _;
use bitcoin::hashes::{Hash as _, sha256d};
use bytes::Bytes;

/// A serialized block that nobody has looked into beyond its header.
///
/// It is what a peer sent or a file holds: at least [`RawBlock::HEADER_SIZE`] bytes, otherwise anything. Cloning it
/// shares the bytes.
#[derive(Clone)]
pub struct RawBlock {
    bytes: Bytes,
    /// What the frame in which it came says that the bytes' checksum is.
    announced: Option<Checksum>,
}

/// The first four bytes of a double SHA-256, as frames of the protocol carry it.
pub type Checksum = [u8; 4];

/// The bytes are too few to hold a block header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort {
    /// How many bytes there were.
    pub len: usize,
}

impl std::fmt::Display for TooShort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "a block of {} bytes cannot hold its {}-byte header",
            self.len,
            RawBlock::HEADER_SIZE
        )
    }
}

impl std::error::Error for TooShort {}

impl RawBlock {
    /// Bytes of a serialized block header.
    pub const HEADER_SIZE: usize = 80;

    /// Takes the bytes of a block, header first.
    pub fn new(bytes: Bytes) -> Result<Self, TooShort> {
        if bytes.len() < Self::HEADER_SIZE {
            return Err(TooShort { len: bytes.len() });
        }
        Ok(Self {
            bytes,
            announced: None,
        })
    }

    /// Takes the bytes of a block that came in a frame with this checksum, which nobody has compared: the header
    /// commits to every byte of the body, so that the checksum is of use only to tell whose fault a wrong body is. See
    /// [`Self::came_as_sent`].
    pub fn received(bytes: Bytes, announced: Checksum) -> Result<Self, TooShort> {
        Ok(Self {
            announced: Some(announced),
            ..Self::new(bytes)?
        })
    }

    /// Whether these are the bytes that the sender sent: they have the checksum that came with them, if one did. It
    /// hashes all of them.
    pub fn came_as_sent(&self) -> bool {
        self.announced
            .is_none_or(|announced| sha256d::Hash::hash(&self.bytes)[..4] == announced)
    }

    /// The block's header.
    pub fn header(&self) -> Header {
        let mut head = &self.bytes[..Self::HEADER_SIZE];
        Header::consensus_decode(&mut head).expect("80 bytes are a header, whatever they hold")
    }

    /// Double SHA-256 of the header.
    pub fn block_hash(&self) -> BlockHash {
        self.header().block_hash()
    }

    /// Everything, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Everything, header included, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Size in bytes, header included.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl PartialEq for RawBlock {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for RawBlock {}

impl std::fmt::Debug for RawBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawBlock({}, {} bytes)", self.block_hash(), self.size())
    }
}
