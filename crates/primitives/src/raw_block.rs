use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::Decodable as _;
use bytes::Bytes;

/// A serialized block that nobody has looked into beyond its header.
///
/// It is what a peer sent or a file holds: at least [`RawBlock::HEADER_SIZE`] bytes, otherwise anything. Cloning it
/// shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RawBlock(Bytes);

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
        Ok(Self(bytes))
    }

    /// The block's header.
    pub fn header(&self) -> Header {
        let mut head = &self.0[..Self::HEADER_SIZE];
        Header::consensus_decode(&mut head).expect("80 bytes are a header, whatever they hold")
    }

    /// Double SHA-256 of the header.
    pub fn block_hash(&self) -> BlockHash {
        self.header().block_hash()
    }

    /// Everything, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Everything, header included, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Size in bytes, header included.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for RawBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawBlock({}, {} bytes)", self.block_hash(), self.size())
    }
}
