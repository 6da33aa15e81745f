//! Any payload under any command is a message or an error; a message that we could send ourselves encodes to bytes that
//! decode to the same message.

#![no_main]

use bytes::{Buf as _, BufMut as _};
use libfuzzer_sys::fuzz_target;
use tipward_p2p::wire::{Command, Frame, FrameDecoder, Message, decode_frame, encode_frame};

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];
const COMMANDS: [&str; 22] = [
    "version",
    "verack",
    "wtxidrelay",
    "sendaddrv2",
    "sendheaders",
    "sendcmpct",
    "feefilter",
    "getaddr",
    "addr",
    "addrv2",
    "inv",
    "getdata",
    "notfound",
    "getheaders",
    "getblocks",
    "headers",
    "block",
    "tx",
    "mempool",
    "ping",
    "pong",
    "cmpctblock",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, payload) = input;
    let command = Command::new(COMMANDS[usize::from(kind) % COMMANDS.len()]);
    let Ok(message) = decode_frame(Frame {
        command,
        payload: payload.to_vec().into(),
        checksum: [0; 4],
    }) else {
        return;
    };
    if matches!(message, Message::Unknown { .. }) {
        return;
    }
    let mut encoded = encode_frame(MAGIC, &message);
    let mut decoder = FrameDecoder::new(MAGIC);
    while encoded.has_remaining() {
        let mut buffer = decoder.buffer();
        let n = encoded.chunk().len().min(buffer.remaining_mut());
        buffer.put_slice(&encoded.chunk()[..n]);
        encoded.advance(n);
        if let Some(frame) = decoder.next_frame().expect("we encode what we accept") {
            assert!(!encoded.has_remaining());
            assert_eq!(decode_frame(frame), Ok(message));
            return;
        }
    }
    panic!("the frame was not complete");
});
