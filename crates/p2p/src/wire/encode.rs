//! From a [`Message`] to bytes.

use bitcoin::consensus::Encodable;
use bitcoin::p2p::ServiceFlags;
use bytes::buf::Chain;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::frame::HEADER_SIZE;
use super::{AddrEntry, Command, Locator, Message, Version};
use crate::addr::{Address, Host};

/// A frame that is ready to be sent: the frame's header (with the payload, if that is small), then a large payload that
/// is shared and not copied. It implements [`bytes::Buf`] and goes out in one vectored write.
pub type EncodedFrame = Chain<Bytes, Bytes>;

/// A message as a v1 frame.
pub fn encode_frame(magic: [u8; 4], message: &Message) -> EncodedFrame {
    let command = Command::new(match message {
        Message::Unknown { command, .. } => command,
        known => known.command(),
    });
    match message {
        Message::Block(block) => frame_around(magic, command, block.bytes().clone()),
        Message::Tx(tx) => frame_around(magic, command, tx.0.clone()),
        small => {
            let mut out = BytesMut::with_capacity(128);
            out.put_bytes(0, HEADER_SIZE);
            payload(small, &mut out);
            let head = frame_header(magic, command, &out[HEADER_SIZE..]);
            out[..HEADER_SIZE].copy_from_slice(&head);
            out.freeze().chain(Bytes::new())
        }
    }
}

/// A `block` message as a v1 frame around bytes that come straight from a block file.
pub fn encode_block_frame(magic: [u8; 4], block: Bytes) -> EncodedFrame {
    frame_around(magic, Command::new("block"), block)
}

fn frame_around(magic: [u8; 4], command: Command, payload: Bytes) -> EncodedFrame {
    let head = frame_header(magic, command, &payload);
    Bytes::copy_from_slice(&head).chain(payload)
}

fn frame_header(magic: [u8; 4], command: Command, payload: &[u8]) -> [u8; HEADER_SIZE] {
    let size = u32::try_from(payload.len()).expect("no message that we build comes near 4 GiB");
    let mut head = [0; HEADER_SIZE];
    head[..4].copy_from_slice(&magic);
    head[4..16].copy_from_slice(&command.to_bytes());
    head[16..20].copy_from_slice(&size.to_le_bytes());
    head[20..].copy_from_slice(&checksum(Sha256::digest(payload).into()));
    head
}

/// First four bytes of the SHA-256 of a SHA-256.
pub(super) fn checksum(digest: [u8; 32]) -> [u8; 4] {
    let twice = Sha256::digest(digest);
    [twice[0], twice[1], twice[2], twice[3]]
}

fn payload(message: &Message, out: &mut BytesMut) {
    match message {
        Message::Version(v) => version(v, out),
        Message::SendCompact(s) => {
            out.put_u8(u8::from(s.high_bandwidth));
            out.put_u64_le(s.version);
        }
        Message::FeeFilter(rate) => out.put_u64_le(*rate),
        Message::Addr(entries) => list(entries, out, |e, out| {
            out.put_u32_le(e.time);
            service_address(e.services, e.addr, out);
        }),
        Message::AddrV2(entries) => list(entries, out, addr_v2),
        Message::Inv(items) | Message::GetData(items) | Message::NotFound(items) => {
            list(items, out, put);
        }
        Message::GetHeaders(l) | Message::GetBlocks(l) => locator(l, out),
        Message::Headers(headers) => list(headers, out, |h, out| {
            put(h, out);
            out.put_u8(0);
        }),
        Message::Ping(nonce) | Message::Pong(nonce) => out.put_u64_le(*nonce),
        Message::Block(block) => out.put_slice(block.bytes()),
        Message::Tx(tx) => out.put_slice(&tx.0),
        Message::Verack
        | Message::WtxidRelay
        | Message::SendAddrV2
        | Message::SendHeaders
        | Message::GetAddr
        | Message::MemPool
        // Its payload was not kept, so it cannot be sent on; nobody does.
        | Message::Unknown { .. } => {}
    }
}

/// Writes a header, a hash or an inventory entry.
fn put(value: &impl Encodable, out: &mut BytesMut) {
    let mut bytes = [0; 80];
    let written = value
        .consensus_encode(&mut &mut bytes[..])
        .expect("none of them is larger than a header");
    out.put_slice(&bytes[..written]);
}

fn compact(value: u64, out: &mut BytesMut) {
    match value {
        0..=0xfc => out.put_u8(value as u8),
        0xfd..=0xffff => {
            out.put_u8(0xfd);
            out.put_u16_le(value as u16);
        }
        0x1_0000..=0xffff_ffff => {
            out.put_u8(0xfe);
            out.put_u32_le(value as u32);
        }
        _ => {
            out.put_u8(0xff);
            out.put_u64_le(value);
        }
    }
}

fn list<T>(items: &[T], out: &mut BytesMut, element: impl Fn(&T, &mut BytesMut)) {
    compact(items.len() as u64, out);
    for item in items {
        element(item, out);
    }
}

fn version(v: &Version, out: &mut BytesMut) {
    out.put_i32_le(v.protocol);
    out.put_u64_le(v.services.to_u64());
    out.put_i64_le(v.timestamp);
    service_address(v.receiver_services, v.receiver, out);
    service_address(v.sender_services, v.sender, out);
    out.put_u64_le(v.nonce);
    compact(v.user_agent.len() as u64, out);
    out.put_slice(v.user_agent.as_bytes());
    out.put_i32_le(v.start_height);
    out.put_u8(u8::from(v.relay));
}

fn locator(l: &Locator, out: &mut BytesMut) {
    out.put_u32_le(l.protocol);
    list(&l.hashes, out, put);
    put(&l.stop, out);
}

/// The old form of an address. One of a network that it has no room for is written as the unspecified address.
fn service_address(services: ServiceFlags, addr: Address, out: &mut BytesMut) {
    out.put_u64_le(services.to_u64());
    out.put_slice(&match addr.host {
        Host::Ipv4(ip) => ip.to_ipv6_mapped().octets(),
        Host::Ipv6(ip) => ip.octets(),
        Host::TorV3(_) | Host::I2p(_) | Host::Cjdns(_) => [0; 16],
    });
    out.put_u16(addr.port);
}

fn addr_v2(e: &AddrEntry, out: &mut BytesMut) {
    out.put_u32_le(e.time);
    compact(e.services.to_u64(), out);
    out.put_u8(e.addr.network().bip155_id());
    let mut bytes = |b: &[u8]| {
        compact(b.len() as u64, out);
        out.put_slice(b);
    };
    match &e.addr.host {
        Host::Ipv4(ip) => bytes(&ip.octets()),
        Host::Ipv6(ip) | Host::Cjdns(ip) => bytes(&ip.octets()),
        Host::TorV3(key) | Host::I2p(key) => bytes(key),
    }
    out.put_u16(e.addr.port);
}
