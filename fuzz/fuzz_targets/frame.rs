//! However a stream of bytes is cut into pieces, the frame decoder gives the same frames and errors, holds no more memory
//! than what arrived justifies, and what it accepts encodes to the bytes that it was.

#![no_main]

use bytes::{Buf as _, BufMut as _};
use libfuzzer_sys::fuzz_target;
use tipward_p2p::wire::{
    Command, Consequence, Frame, FrameDecoder, HEADER_SIZE, Message, WireError, encode_frame,
};

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];

fn decode(mut stream: &[u8], piece: usize) -> Vec<Result<Frame, WireError>> {
    let mut decoder = FrameDecoder::new(MAGIC);
    let mut out = Vec::new();
    let mut arrived = 0;
    while !stream.is_empty() {
        let mut buffer = decoder.buffer();
        let n = stream.len().min(piece).min(buffer.remaining_mut());
        assert!(n > 0);
        buffer.put_slice(&stream[..n]);
        arrived += n;
        assert!(buffer.get_ref().capacity() <= 320 * 1024 + 2 * arrived);
        stream = &stream[n..];
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => out.push(Ok(frame)),
                Err(error) => {
                    let fatal = error.consequence() != Consequence::Ignore;
                    out.push(Err(error));
                    if fatal {
                        return out;
                    }
                }
            }
        }
    }
    out
}

/// A stream of valid frames, but for what the fuzzer makes of them: the checksum is no secret to find out.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [kind, len, rest @ ..] = bytes {
        let len = usize::from(*len).min(rest.len());
        let (payload, tail) = rest.split_at(len);
        bytes = tail;
        let tx = Message::Tx(tipward_p2p::wire::TransactionBytes(payload.to_vec().into()));
        let mut frame = encode_frame(MAGIC, &tx);
        let mut frame = frame.copy_to_bytes(frame.remaining()).to_vec();
        match kind % 8 {
            0 => frame[20] ^= 1,
            1 => frame[4] = *kind,
            2 => frame[16] = frame[16].wrapping_add(*kind),
            3 => frame[0] ^= kind & 2,
            _ => {}
        }
        out.extend(frame);
    }
    out
}

fuzz_target!(|input: (u16, bool, &[u8])| {
    let (piece, raw, bytes) = input;
    let stream = if raw { bytes.to_vec() } else { frames(bytes) };
    let whole = decode(&stream, usize::MAX);
    assert_eq!(decode(&stream, usize::from(piece).max(1)), whole);

    for frame in whole.into_iter().flatten() {
        let command: Command = frame.command;
        assert!(command.is_valid());
        assert_eq!(frame.size(), HEADER_SIZE + frame.payload.len());
    }
});
