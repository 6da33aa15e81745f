//! Framing of the serving peer, over rust-bitcoin's own message types.
//!
//! The node's transport is deliberately not used here: a peer that is written twice finds what a peer that talks to
//! itself cannot.

use anyhow::{bail, ensure};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Magic, command, size, checksum.
const FRAME_HEADER: usize = 24;
/// Nothing that a node may ask of us is larger.
const MAX_PAYLOAD: usize = 4_000_000;

/// Reads one message; `None` when the other end has closed between two messages.
pub(super) async fn read_message<R: AsyncRead + Unpin>(
    reader: &mut R,
    magic: [u8; 4],
) -> anyhow::Result<Option<NetworkMessage>> {
    let mut frame = vec![0; FRAME_HEADER];
    if reader.read(&mut frame[..1]).await? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut frame[1..]).await?;
    if frame[..4] != magic {
        bail!("wrong magic {:02x?}", &frame[..4]);
    }
    let size = u32::from_le_bytes([frame[16], frame[17], frame[18], frame[19]]) as usize;
    ensure!(size <= MAX_PAYLOAD, "message of {size} bytes");
    frame.resize(FRAME_HEADER + size, 0);
    reader.read_exact(&mut frame[FRAME_HEADER..]).await?;
    Ok(Some(
        deserialize::<RawNetworkMessage>(&frame)?.into_payload(),
    ))
}

/// A whole message as bytes.
pub(super) fn frame(magic: [u8; 4], message: NetworkMessage) -> Vec<u8> {
    serialize(&RawNetworkMessage::new(Magic::from_bytes(magic), message))
}

/// What comes before a block's bytes.
pub(super) fn block_frame_header(
    magic: [u8; 4],
    size: usize,
    checksum: [u8; 4],
) -> [u8; FRAME_HEADER] {
    let mut header = [0; FRAME_HEADER];
    header[..4].copy_from_slice(&magic);
    header[4..9].copy_from_slice(b"block");
    header[16..20].copy_from_slice(&(size as u32).to_le_bytes());
    header[20..].copy_from_slice(&checksum);
    header
}
