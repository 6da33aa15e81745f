mod framing;
mod malformed;
mod reference;

use bitcoin::hashes::Hash as _;
use bytes::{Buf as _, BufMut as _, Bytes};
use proptest::collection::vec;
use proptest::prelude::*;
use tipward_primitives::{BlockHash, Header, RawBlock};

use super::*;
use crate::addr::Address;
use crate::addr::tests::any_address;

const MAGIC: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];

fn bytes_of(mut frame: EncodedFrame) -> Bytes {
    frame.copy_to_bytes(frame.remaining())
}

/// Feeds a decoder in pieces of at most `piece` bytes, as the socket would.
fn feed(
    decoder: &mut FrameDecoder,
    mut bytes: &[u8],
    piece: usize,
) -> Vec<Result<Frame, WireError>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let mut buffer = decoder.buffer();
        let n = bytes.len().min(piece).min(buffer.remaining_mut());
        assert!(n > 0, "the buffer has no room");
        buffer.put_slice(&bytes[..n]);
        bytes = &bytes[n..];
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => out.push(Ok(frame)),
                Err(error) => {
                    let fatal = error.consequence() == Consequence::Disconnect;
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

/// A frame with any command and payload, and a right checksum.
fn raw_frame(command: &str, payload: &[u8]) -> Vec<u8> {
    let mut command_bytes = [0; 12];
    command_bytes[..command.len()].copy_from_slice(command.as_bytes());
    let mut frame = MAGIC.to_vec();
    frame.extend(command_bytes);
    frame.extend((payload.len() as u32).to_le_bytes());
    frame.extend(&bitcoin::hashes::sha256d::Hash::hash(payload).as_byte_array()[..4]);
    frame.extend(payload);
    frame
}

fn decode(command: &str, payload: impl Into<Bytes>) -> Result<Message, WireError> {
    let payload = payload.into();
    decode_frame(Frame {
        command: Command::new(command),
        checksum: [0; 4],
        payload,
    })
}

fn any_hash() -> impl Strategy<Value = BlockHash> {
    any::<[u8; 32]>().prop_map(BlockHash::from_byte_array)
}

fn any_header() -> impl Strategy<Value = Header> {
    vec(any::<u8>(), 80).prop_map(|b| bitcoin::consensus::deserialize(&b).unwrap())
}

fn any_inventory() -> impl Strategy<Value = Inventory> {
    vec(any::<u8>(), 36).prop_map(|mut b| {
        b[0] &= 7;
        b[1..3].fill(0);
        b[3] &= 0x40;
        bitcoin::consensus::deserialize(&b).unwrap()
    })
}

fn any_locator() -> impl Strategy<Value = Locator> {
    (any::<u32>(), vec(any_hash(), 0..=MAX_LOCATOR), any_hash()).prop_map(
        |(protocol, hashes, stop)| Locator {
            protocol,
            hashes,
            stop,
        },
    )
}

fn any_v1_address() -> impl Strategy<Value = Address> {
    (any::<[u8; 16]>(), any::<u16>())
        .prop_map(|(ip, port)| Address::new(std::net::Ipv6Addr::from(ip), port))
}

fn any_entries(addr: impl Strategy<Value = Address>) -> impl Strategy<Value = Vec<AddrEntry>> {
    let entry = (any::<u32>(), any::<u64>(), addr).prop_map(|(time, services, addr)| AddrEntry {
        time,
        services: services.into(),
        addr,
    });
    vec(entry, 0..20)
}

fn any_version() -> impl Strategy<Value = Version> {
    (
        (any::<i32>(), any::<u64>(), 0..i64::MAX),
        (
            any::<u64>(),
            any_v1_address(),
            any::<u64>(),
            any_v1_address(),
        ),
        (
            any::<u64>(),
            "[a-zA-Z0-9 ./:()-]{0,256}",
            any::<i32>(),
            any::<bool>(),
        ),
    )
        .prop_map(|((protocol, services, timestamp), to, rest)| Version {
            protocol,
            services: services.into(),
            timestamp,
            receiver_services: to.0.into(),
            receiver: to.1,
            sender_services: to.2.into(),
            sender: to.3,
            nonce: rest.0,
            user_agent: rest.1,
            start_height: rest.2,
            relay: rest.3,
        })
}

pub(super) fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any_version().prop_map(Message::Version),
        Just(Message::Verack),
        Just(Message::WtxidRelay),
        Just(Message::SendAddrV2),
        Just(Message::SendHeaders),
        Just(Message::GetAddr),
        Just(Message::MemPool),
        (any::<bool>(), any::<u64>()).prop_map(|(high_bandwidth, version)| Message::SendCompact(
            SendCompact {
                high_bandwidth,
                version,
            }
        )),
        (0u64..=2_100_000_000_000_000).prop_map(Message::FeeFilter),
        any::<u64>().prop_map(Message::Ping),
        any::<u64>().prop_map(Message::Pong),
        any_entries(any_v1_address()).prop_map(Message::Addr),
        any_entries(any_address()).prop_map(Message::AddrV2),
        vec(any_inventory(), 0..300).prop_map(Message::Inv),
        vec(any_inventory(), 0..300).prop_map(Message::GetData),
        vec(any_inventory(), 0..300).prop_map(Message::NotFound),
        any_locator().prop_map(Message::GetHeaders),
        any_locator().prop_map(Message::GetBlocks),
        vec(any_header(), 0..300).prop_map(Message::Headers),
        vec(any::<u8>(), 80..5_000).prop_map(|b| Message::Block(RawBlock::new(b.into()).unwrap())),
        vec(any::<u8>(), 0..500).prop_map(|b| Message::Tx(TransactionBytes(b.into()))),
    ]
}

proptest! {
    #[test]
    fn every_message_knows_its_command(message in any_message()) {
        prop_assert!(command::KNOWN.contains(&message.command()));
    }

    #[test]
    fn every_message_comes_out_as_it_went_in(
        messages in vec(any_message(), 1..12),
        piece in prop_oneof![1usize..50, 1_000usize..100_000],
    ) {
        let stream: Vec<u8> =
            messages.iter().flat_map(|m| bytes_of(encode_frame(MAGIC, m))).collect();
        let mut decoder = FrameDecoder::new(MAGIC);
        let frames = feed(&mut decoder, &stream, piece);
        prop_assert_eq!(decoder.partial(), 0);
        let decoded: Vec<_> = frames
            .into_iter()
            .map(|f| f.and_then(decode_frame).unwrap())
            .collect();
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn no_payload_makes_a_decoder_panic(
        known in proptest::sample::select(command::KNOWN),
        payload in vec(any::<u8>(), 0..400),
    ) {
        let _ = decode(known, payload);
    }

    #[test]
    fn a_message_cut_short_is_an_error_or_a_shorter_form_that_exists(
        message in any_message(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let whole = bytes_of(encode_frame(MAGIC, &message)).slice(HEADER_SIZE..);
        if whole.is_empty() {
            return Ok(());
        }
        let cut = whole.slice(..cut.index(whole.len()));
        let result = decode(message.command(), cut.clone());
        match message {
            // Opaque here; whoever parses them will notice.
            Message::Tx(_) => prop_assert!(result.is_ok()),
            Message::Block(_) if cut.len() >= RawBlock::HEADER_SIZE => prop_assert!(result.is_ok()),
            // Old versions of the message end after any of these fields.
            Message::Version(_) if cut.len() >= 46 => {}
            _ => prop_assert!(
                matches!(result, Err(WireError::Malformed { error: DecodeError::EndOfData, .. })),
                "{:?}", result
            ),
        }
    }

    #[test]
    fn no_stream_of_bytes_makes_the_frame_decoder_panic_or_hoard(
        stream in vec(any::<u8>(), 0..3_000),
        piece in 1usize..500,
        right_magic in any::<bool>(),
    ) {
        let mut stream = stream;
        if right_magic {
            stream.splice(0..0, MAGIC);
        }
        let mut decoder = FrameDecoder::new(MAGIC);
        feed(&mut decoder, &stream, piece);
        prop_assert!(decoder.buffer().get_ref().capacity() <= 300 * 1024);
    }
}

#[test]
fn commands_outside_the_protocol_are_counted_together() {
    let message = decode("hello", vec![1, 2, 3]).unwrap();
    assert_eq!(
        message,
        Message::Unknown {
            command: "hello".into(),
            size: 3
        }
    );
    assert_eq!(message.command(), OTHER_COMMAND);
    // A command that we do not act on has its own line all the same.
    assert_eq!(
        decode("cmpctblock", vec![]).unwrap().command(),
        "cmpctblock"
    );
}
