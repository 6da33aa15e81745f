//! Bodies that are made while they are sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::error::RpcError;

/// Pieces are joined until a frame has this many bytes: enough that a system call is worth it, few enough that making them
/// holds up nobody else on the same thread.
const FRAME: usize = 32 << 10;

/// A body out of pieces of text.
struct Pieces<I> {
    pieces: I,
    /// Bytes to come, if that is known.
    left: Option<u64>,
}

impl<I> hyper::body::Body for Pieces<I>
where
    I: Iterator<Item = Result<Vec<u8>, RpcError>> + Unpin,
{
    type Data = Bytes;
    type Error = RpcError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RpcError>>> {
        let mut frame = Vec::new();
        while frame.len() < FRAME {
            match self.pieces.next() {
                None => break,
                Some(Ok(piece)) if frame.is_empty() => frame = piece,
                Some(Ok(piece)) => frame.extend_from_slice(&piece),
                // What was sent cannot be taken back: the client sees the connection end too early.
                Some(Err(error)) => {
                    tracing::warn!(target: "rpc", %error, "a reply was broken off");
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(frame.len() as u64);
        }
        Poll::Ready((!frame.is_empty()).then(|| Ok(Frame::data(frame.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A body out of pieces that are made one after the other, none of them empty.
pub(super) fn of_pieces(
    pieces: impl Iterator<Item = Result<Vec<u8>, RpcError>> + Send + Unpin + 'static,
) -> Body {
    Body::new(Pieces { pieces, left: None })
}

/// Bytes in hexadecimal and a newline.
pub(super) fn hexadecimal(bytes: Bytes) -> Body {
    let left = Some(2 * bytes.len() as u64 + 1);
    let mut rest = Some(bytes);
    let pieces = std::iter::from_fn(move || {
        let mut bytes = rest.take()?;
        let piece = bytes.split_to(bytes.len().min(FRAME / 2));
        let mut digits = Vec::with_capacity(2 * piece.len() + 1);
        for byte in &piece {
            digits.extend_from_slice(&DIGITS[usize::from(*byte)]);
        }
        if bytes.is_empty() {
            digits.push(b'\n');
        } else {
            rest = Some(bytes);
        }
        Some(Ok(digits))
    });
    Body::new(Pieces { pieces, left })
}

/// Both digits of every byte.
static DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
