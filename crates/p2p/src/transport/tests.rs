use bytes::{Buf as _, BufMut as _};
use tipward_primitives::RawBlock;

use super::*;

fn receive(reader: &mut dyn MessageReader, mut bytes: impl bytes::Buf) -> Vec<Received> {
    let mut out = Vec::new();
    while bytes.has_remaining() {
        let mut buffer = reader.buffer();
        let n = bytes.remaining().min(buffer.remaining_mut());
        buffer.put(&mut (&mut bytes).take(n));
        while let Some(received) = reader.next_message().unwrap() {
            out.push(received);
        }
    }
    out
}

#[test]
fn what_one_end_writes_the_other_end_reads() {
    let mut writer: Box<dyn MessageWriter> = Box::new(V1Writer::new([1, 2, 3, 4]));
    let mut reader: Box<dyn MessageReader> = Box::new(V1Reader::new([1, 2, 3, 4]));

    let ping = receive(&mut *reader, writer.encode(&Message::Ping(5)));
    assert_eq!(
        ping,
        [Received {
            message: Message::Ping(5),
            size: 32
        }]
    );

    let block = Bytes::from(vec![9; 1_000_000]);
    let received = receive(&mut *reader, writer.encode_block(block.clone()));
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].size, 1_000_024);
    assert_eq!(
        received[0].message,
        Message::Block(RawBlock::new(block).unwrap())
    );
    assert_eq!(reader.partial(), 0);
}

#[test]
fn a_malformed_payload_is_passed_over() {
    let mut bytes = V1Writer::new([0; 4])
        .encode(&Message::Ping(5))
        .copy_to_bytes(32)
        .to_vec();
    // Its payload, taken for an `inv`, announces a list of five that is not there.
    bytes[4..16].copy_from_slice(b"inv\0\0\0\0\0\0\0\0\0");
    let mut reader = V1Reader::new([0; 4]);
    reader.buffer().put_slice(&bytes);
    let error = reader.next_message().unwrap_err();
    assert_eq!(error.consequence(), crate::wire::Consequence::Ignore);
    assert_eq!(
        receive(&mut reader, V1Writer::new([0; 4]).encode(&Message::Verack)).len(),
        1
    );
}
