//! How the decoder uses its buffers.

use super::*;

fn block(size: usize, seed: u8) -> Message {
    let bytes: Vec<u8> = (0..size)
        .map(|i| (i as u8).wrapping_mul(31) ^ seed)
        .collect();
    Message::Block(RawBlock::new(bytes.into()).unwrap())
}

#[test]
fn a_large_payload_is_read_into_its_own_buffer_and_never_moved_after_that() {
    let stream = bytes_of(encode_frame(MAGIC, &block(200_000, 1)));
    let mut decoder = FrameDecoder::new(MAGIC);
    assert!(feed(&mut decoder, &stream[..5_000], 5_000).is_empty());
    let start = decoder.buffer().get_ref().as_ptr();
    let frames = feed(&mut decoder, &stream[5_000..], 64 * 1024);
    let frame = frames[0].as_ref().unwrap();
    assert_eq!(frame.payload.as_ptr(), start);
    assert_eq!(frame.payload, stream.slice(HEADER_SIZE..));
}

#[test]
fn reading_a_large_payload_stops_at_its_end() {
    let stream = bytes_of(encode_frame(MAGIC, &block(100_000, 2)));
    let mut decoder = FrameDecoder::new(MAGIC);
    feed(&mut decoder, &stream[..10_000], 10_000);
    assert_eq!(decoder.buffer().remaining_mut(), stream.len() - 10_000);
    assert_eq!(decoder.partial(), 10_000);
}

#[test]
fn many_small_messages_are_slices_of_one_chunk() {
    let stream: Vec<u8> = (0..100)
        .flat_map(|i| bytes_of(encode_frame(MAGIC, &block(150, i))))
        .collect();
    let frames = feed(&mut FrameDecoder::new(MAGIC), &stream, usize::MAX);
    let at = |i: usize| frames[i].as_ref().unwrap().payload.as_ptr() as usize;
    assert_eq!(frames.len(), 100);
    assert_eq!(at(99) - at(0), 99 * (HEADER_SIZE + 150));
}

#[test]
fn large_blocks_one_after_the_other_come_out_whole() {
    let blocks: Vec<_> = [
        3_999_999,
        4_000_000,
        80,
        256 * 1024,
        256 * 1024 + 1,
        32 * 1024,
    ]
    .into_iter()
    .map(|size| block(size, size as u8))
    .collect();
    let stream: Vec<u8> = blocks
        .iter()
        .flat_map(|b| bytes_of(encode_frame(MAGIC, b)))
        .collect();
    let frames = feed(&mut FrameDecoder::new(MAGIC), &stream, usize::MAX);
    let decoded: Vec<_> = frames
        .into_iter()
        .map(|f| f.map(|f| decode_frame(f).unwrap()).unwrap())
        .collect();
    assert_eq!(decoded, blocks);
}

#[test]
fn a_block_is_sent_without_a_copy() {
    let bytes = Bytes::from(vec![7; 100_000]);
    let frame = encode_block_frame(MAGIC, bytes.clone());
    assert_eq!(frame.last_ref().as_ptr(), bytes.as_ptr());
    assert_eq!(frame.first_ref().len(), HEADER_SIZE);
    let message = Message::Block(RawBlock::new(bytes).unwrap());
    assert_eq!(bytes_of(frame), bytes_of(encode_frame(MAGIC, &message)));
}
