//! From a payload to a [`Message`].

use bitcoin::hashes::Hash as _;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::message_blockdata::Inventory;
use tipward_primitives::{BlockHash, Header, RawBlock};

use super::command::sanitize;
use super::frame::Frame;
use super::reader::Reader;
use super::{
    AddrEntry, Command, DecodeError, Locator, MAX_ADDR, MAX_HEADERS, MAX_INV, MAX_LOCATOR,
    MAX_USER_AGENT, Message, SendCompact, TransactionBytes, Version, WireError,
};
use crate::addr::Address;

/// Takes a frame's payload for what the command says it is. Bytes after the end of the message are passed over, as newer
/// versions of the protocol may add some.
///
/// # Errors
/// [`WireError::Malformed`] and [`WireError::TooMany`].
pub fn decode_frame(frame: Frame) -> Result<Message, WireError> {
    let Frame {
        command, payload, ..
    } = &frame;
    let size = payload.len();
    let Some(name) = command.known() else {
        return Ok(unknown(*command, size));
    };
    decode(name, frame).map_err(|failure| match failure {
        Failure::Malformed(error) => WireError::Malformed {
            command: name,
            size,
            error,
        },
        Failure::TooMany(count) => WireError::TooMany {
            command: name,
            count,
        },
    })
}

enum Failure {
    Malformed(DecodeError),
    TooMany(u64),
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

fn unknown(command: Command, size: usize) -> Message {
    Message::Unknown {
        command: command.to_string(),
        size,
    }
}

fn decode(name: &str, frame: Frame) -> Result<Message, Failure> {
    let Frame {
        command,
        payload,
        checksum,
    } = frame;
    let r = &mut Reader::new(&payload);
    Ok(match name {
        "version" => Message::Version(version(r)?),
        "verack" => Message::Verack,
        "wtxidrelay" => Message::WtxidRelay,
        "sendaddrv2" => Message::SendAddrV2,
        "sendheaders" => Message::SendHeaders,
        "sendcmpct" => Message::SendCompact(SendCompact {
            high_bandwidth: r.u8()? != 0,
            version: r.u64()?,
        }),
        "feefilter" => Message::FeeFilter(r.u64()?),
        "getaddr" => Message::GetAddr,
        "addr" => Message::Addr(list(r, MAX_ADDR, 30, |r| {
            Ok(AddrEntry {
                time: r.u32()?,
                services: r.u64()?.into(),
                addr: r.address_v1()?,
            })
        })?),
        "addrv2" => Message::AddrV2(list(r, MAX_ADDR, 9, |r| {
            Ok(AddrEntry {
                time: r.u32()?,
                services: r.compact_u64()?.into(),
                addr: r.address_v2()?,
            })
        })?),
        "inv" => Message::Inv(list(r, MAX_INV, 36, inventory)?),
        "getdata" => Message::GetData(list(r, MAX_INV, 36, inventory)?),
        "notfound" => Message::NotFound(list(r, MAX_INV, 36, inventory)?),
        "getheaders" => Message::GetHeaders(locator(r)?),
        "getblocks" => Message::GetBlocks(locator(r)?),
        "headers" => Message::Headers(list(r, MAX_HEADERS, 81, header)?),
        "block" => Message::Block({
            RawBlock::received(payload, checksum).map_err(|_| DecodeError::EndOfData)?
        }),
        "tx" => Message::Tx(TransactionBytes(payload)),
        "mempool" => Message::MemPool,
        "ping" => Message::Ping(r.u64()?),
        "pong" => Message::Pong(r.u64()?),
        _ => unknown(command, payload.len()),
    })
}

/// A list of at most `max` elements, each of at least `min_size` bytes, so that an announced length reserves no more
/// memory than the payload itself took.
fn list<T>(
    r: &mut Reader<'_>,
    max: usize,
    min_size: usize,
    element: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, Failure> {
    let count = r.length()?;
    if count > max as u64 {
        return Err(Failure::TooMany(count));
    }
    let count = count as usize;
    let mut out = Vec::with_capacity(count.min(r.remaining() / min_size));
    for _ in 0..count {
        out.push(element(r)?);
    }
    Ok(out)
}

/// The fields after the receiver's address are missing in the oldest versions.
fn version(r: &mut Reader<'_>) -> Result<Version, DecodeError> {
    let mut v = Version {
        protocol: r.i32()?,
        services: r.u64()?.into(),
        timestamp: r.i64()?.max(0),
        receiver_services: r.u64()?.into(),
        receiver: r.address_v1()?,
        sender_services: ServiceFlags::NONE,
        sender: Address::UNSPECIFIED,
        nonce: 1,
        user_agent: String::new(),
        start_height: -1,
        relay: true,
    };
    if !r.is_empty() {
        v.sender_services = r.u64()?.into();
        v.sender = r.address_v1()?;
        v.nonce = r.u64()?;
    }
    if !r.is_empty() {
        let len = r.length()?;
        if len > MAX_USER_AGENT as u64 {
            return Err(DecodeError::TooLong(len));
        }
        v.user_agent = sanitize(r.slice(len as usize)?);
    }
    if !r.is_empty() {
        v.start_height = r.i32()?;
    }
    if !r.is_empty() {
        v.relay = r.u8()? != 0;
    }
    Ok(v)
}

fn hash(r: &mut Reader<'_>) -> Result<BlockHash, DecodeError> {
    Ok(BlockHash::from_byte_array(r.array()?))
}

fn locator(r: &mut Reader<'_>) -> Result<Locator, Failure> {
    Ok(Locator {
        protocol: r.u32()?,
        hashes: list(r, MAX_LOCATOR, 32, hash)?,
        stop: hash(r)?,
    })
}

fn inventory(r: &mut Reader<'_>) -> Result<Inventory, DecodeError> {
    let entry: &[u8; 36] = &r.array()?;
    bitcoin::consensus::deserialize(entry).map_err(|_| DecodeError::EndOfData)
}

/// A header and a number of transactions, which nobody sends but zero and Core does not look at either.
fn header(r: &mut Reader<'_>) -> Result<Header, DecodeError> {
    let bytes: &[u8; 80] = &r.array()?;
    r.length()?;
    bitcoin::consensus::deserialize(bytes).map_err(|_| DecodeError::EndOfData)
}
