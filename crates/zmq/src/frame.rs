//! ZMTP's bytes: the greeting, frames, commands.

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Another frame of the same message follows.
const MORE: u8 = 1;
/// The size takes eight bytes.
const LONG: u8 = 2;
/// The frame is a command.
const COMMAND: u8 = 4;

/// Subscribers send topics and pings, nothing longer.
const MOST_INCOMING: u64 = 1024;

/// What both sides send first.
pub(crate) const GREETING_SIZE: usize = 64;

/// Why a peer is no subscriber of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it does not speak ZeroMQ's protocol")]
    NotZmtp,
    #[error("it speaks version {0} of ZeroMQ's protocol, and not 3")]
    Version(u8),
    #[error("it wants another security mechanism than NULL")]
    Mechanism,
    #[error("it is not a SUB or XSUB socket")]
    SocketType,
    #[error("it sent a frame of {0} bytes")]
    TooLong(u64),
    #[error("it took too long to shake hands")]
    TooSlow,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Our greeting: version 3.1, mechanism NULL.
pub(crate) fn greeting() -> [u8; GREETING_SIZE] {
    let mut greeting = [0; GREETING_SIZE];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[11] = 1;
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

/// Whether the other side's greeting is one that we can go on with.
pub(crate) fn check_greeting(greeting: &[u8; GREETING_SIZE]) -> Result<(), Refusal> {
    if greeting[0] != 0xff || greeting[9] & 1 != 1 {
        return Err(Refusal::NotZmtp);
    }
    if greeting[10] < 3 {
        return Err(Refusal::Version(greeting[10]));
    }
    let mut null = [0; 20];
    null[..4].copy_from_slice(b"NULL");
    if greeting[12..32] != null {
        return Err(Refusal::Mechanism);
    }
    Ok(())
}

/// A frame that came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Message(Bytes),
    Command(Bytes),
}

/// Reads one frame; nothing is set aside for more than it may have.
pub(crate) async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> Result<Frame, Refusal> {
    let flags = from.read_u8().await?;
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(Refusal::NotZmtp);
    }
    let size = if flags & LONG == 0 {
        u64::from(from.read_u8().await?)
    } else {
        from.read_u64().await?
    };
    if size > MOST_INCOMING {
        return Err(Refusal::TooLong(size));
    }
    let mut body = vec![0; size as usize];
    from.read_exact(&mut body).await?;
    Ok(if flags & COMMAND == 0 {
        Frame::Message(body.into())
    } else {
        Frame::Command(body.into())
    })
}

/// Puts down what stands before a frame's body.
pub(crate) fn put_head(out: &mut BytesMut, size: usize, more: bool) {
    put_head_of(out, size, if more { MORE } else { 0 });
}

fn put_head_of(out: &mut BytesMut, size: usize, flags: u8) {
    match u8::try_from(size) {
        Ok(size) => {
            out.put_u8(flags);
            out.put_u8(size);
        }
        Err(_) => {
            out.put_u8(flags | LONG);
            out.put_u64(size as u64);
        }
    }
}

/// A whole command frame.
pub(crate) fn command(name: &str, data: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_head_of(&mut out, 1 + name.len() + data.len(), COMMAND);
    out.put_u8(name.len() as u8);
    out.put_slice(name.as_bytes());
    out.put_slice(data);
    out.freeze()
}

/// The command that ends our side of the handshake.
pub(crate) fn ready() -> Bytes {
    let mut data = BytesMut::new();
    for (name, value) in [("Socket-Type", "PUB"), ("Identity", "")] {
        data.put_u8(name.len() as u8);
        data.put_slice(name.as_bytes());
        data.put_u32(value.len() as u32);
        data.put_slice(value.as_bytes());
    }
    command("READY", &data)
}

/// A command's name and what follows it.
pub(crate) fn split_command(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = body.split_first()?;
    rest.split_at_checked(usize::from(*size))
}

/// Whether a READY is that of a socket that subscribes.
pub(crate) fn check_ready(frame: &Frame) -> Result<(), Refusal> {
    let Frame::Command(body) = frame else {
        return Err(Refusal::NotZmtp);
    };
    let Some((b"READY", mut properties)) = split_command(body) else {
        return Err(Refusal::NotZmtp);
    };
    while let Some((name, rest)) = split_command(properties) {
        let (size, rest) = rest.split_first_chunk::<4>().ok_or(Refusal::NotZmtp)?;
        let size = u32::from_be_bytes(*size) as usize;
        let (value, rest) = rest.split_at_checked(size).ok_or(Refusal::NotZmtp)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return match value {
                b"SUB" | b"XSUB" => Ok(()),
                _ => Err(Refusal::SocketType),
            };
        }
        properties = rest;
    }
    Err(Refusal::SocketType)
}
