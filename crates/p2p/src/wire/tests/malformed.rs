//! What strangers may try, and what follows from it.

use super::*;

fn header(command: &str, size: u32) -> Vec<u8> {
    let mut frame = raw_frame(command, &[]);
    frame[16..20].copy_from_slice(&size.to_le_bytes());
    frame
}

fn consequence(result: &Result<Frame, WireError>) -> Consequence {
    result.as_ref().unwrap_err().consequence()
}

#[test]
fn an_oversized_length_ends_the_connection_before_anything_is_reserved() {
    for size in [4_000_001, 0x0200_0000, 0x0200_0001, u32::MAX] {
        let mut decoder = FrameDecoder::new(MAGIC);
        let results = feed(&mut decoder, &header("block", size), usize::MAX);
        assert_eq!(
            results,
            [Err(WireError::Oversized {
                command: "block".into(),
                size
            })]
        );
        assert_eq!(consequence(&results[0]), Consequence::Disconnect);
        assert!(decoder.buffer().get_ref().capacity() < 100_000);
    }
}

#[test]
fn a_bait_of_a_large_length_costs_little_until_bytes_come() {
    let mut decoder = FrameDecoder::new(MAGIC);
    let mut sent = header("block", 4_000_000);
    assert!(feed(&mut decoder, &sent, 24).is_empty());
    assert!(decoder.buffer().get_ref().capacity() <= 256 * 1024);

    sent.resize(1_000_000, 0);
    assert!(feed(&mut decoder, &sent[24..], 10_000).is_empty());
    assert!(decoder.buffer().get_ref().capacity() <= 2_000_000);
}

#[test]
fn after_a_wrong_magic_nothing_more_is_believed() {
    let mut stream = raw_frame("verack", &[]);
    stream[0] ^= 1;
    stream.extend(raw_frame("verack", &[]));
    let mut decoder = FrameDecoder::new(MAGIC);
    let results = feed(&mut decoder, &stream, usize::MAX);
    assert_eq!(
        results,
        [Err(WireError::WrongMagic([0xf8, 0xbe, 0xb4, 0xd9]))]
    );
    assert_eq!(consequence(&results[0]), Consequence::Disconnect);
    assert_eq!(
        decoder.next_frame(),
        Err(WireError::WrongMagic([0xf8, 0xbe, 0xb4, 0xd9]))
    );
}

#[test]
fn a_wrong_checksum_costs_only_that_message() {
    let mut stream = raw_frame("ping", &[1; 8]);
    stream[20] ^= 1;
    stream.extend(raw_frame("pong", &[1; 8]));
    let results = feed(&mut FrameDecoder::new(MAGIC), &stream, usize::MAX);
    assert!(
        matches!(&results[0], Err(WireError::WrongChecksum { command, size: 8, .. }) if command == "ping")
    );
    assert_eq!(consequence(&results[0]), Consequence::Ignore);
    assert!(results[1].is_ok());
}

#[test]
fn a_block_comes_with_its_checksum_which_is_compared_on_request() {
    let mut stream = raw_frame("block", &[7; 100]);
    stream.extend(&raw_frame("block", &[7; 100]));
    stream[20] ^= 1;
    let results = feed(&mut FrameDecoder::new(MAGIC), &stream, usize::MAX);
    let came_as_sent: Vec<bool> = results
        .into_iter()
        .map(|frame| match frame.and_then(decode_frame) {
            Ok(Message::Block(block)) => block.came_as_sent(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(came_as_sent, [false, true]);
}

#[test]
fn a_block_shorter_than_its_header_with_a_wrong_checksum_costs_only_that_message() {
    let mut stream = raw_frame("block", &[7; 79]);
    stream[20] ^= 1;
    let results = feed(&mut FrameDecoder::new(MAGIC), &stream, usize::MAX);
    assert!(matches!(&results[0], Err(WireError::WrongChecksum { .. })));
}

#[test]
fn a_command_of_forbidden_characters_costs_only_that_message() {
    for bytes in [
        *b"ping\0x\0\0\0\0\0\0",
        *b"pin\x07\0\0\0\0\0\0\0\0",
        *b"pi\xffg\0\0\0\0\0\0\0\0",
    ] {
        let mut stream = raw_frame("ping", &[]);
        stream[4..16].copy_from_slice(&bytes);
        stream.extend(raw_frame("pong", &[1; 8]));
        let results = feed(&mut FrameDecoder::new(MAGIC), &stream, usize::MAX);
        assert!(matches!(&results[0], Err(WireError::InvalidCommand { .. })));
        assert_eq!(consequence(&results[0]), Consequence::Ignore);
        assert!(results[1].is_ok());
    }
}

#[test]
fn a_frame_that_never_ends_is_no_frame() {
    let stream = raw_frame("ping", &[1; 8]);
    let mut decoder = FrameDecoder::new(MAGIC);
    assert!(feed(&mut decoder, &stream[..stream.len() - 1], 3).is_empty());
    assert_eq!(decoder.partial(), stream.len() - 1);
}

fn too_many(command: &str, count: u16, element: usize) -> Option<Consequence> {
    let mut payload = Vec::new();
    if command == "getheaders" {
        payload.extend([0; 4]);
    }
    payload.push(0xfd);
    payload.extend(count.to_le_bytes());
    payload.resize(payload.len() + usize::from(count) * element + 32, 0);
    decode(command, payload).err().map(|e| e.consequence())
}

#[test]
fn a_list_beyond_the_limit_is_misbehaviour_and_one_at_the_limit_is_not() {
    assert_eq!(too_many("headers", 2_000, 81), None);
    assert_eq!(
        too_many("headers", 2_001, 81),
        Some(Consequence::Misbehaving)
    );
    for command in ["inv", "getdata", "notfound"] {
        assert_eq!(too_many(command, 50_000, 36), None);
        assert_eq!(
            too_many(command, 50_001, 36),
            Some(Consequence::Misbehaving)
        );
    }
    assert_eq!(too_many("addr", 1_000, 30), None);
    assert_eq!(too_many("addr", 1_001, 30), Some(Consequence::Misbehaving));
    // A locator that is too long is not held against the address.
    assert_eq!(
        too_many("getheaders", 101 + 0xfd, 32),
        Some(Consequence::Disconnect)
    );
}

#[test]
fn a_list_beyond_the_limit_is_reported_as_core_does() {
    let error = decode("headers", vec![0xfd, 0xd1, 0x07]).unwrap_err();
    assert_eq!(error.to_string(), "headers message size = 2001");
}

#[test]
fn a_locator_has_at_most_101_hashes() {
    let locator = |n: u8| {
        let mut payload = vec![0; 4];
        payload.push(n);
        payload.resize(5 + 32 * usize::from(n) + 32, 0);
        decode("getheaders", payload)
    };
    assert!(locator(101).is_ok());
    assert_eq!(
        locator(102),
        Err(WireError::TooMany {
            command: "getheaders",
            count: 102
        })
    );
}

#[test]
fn the_number_of_transactions_after_a_header_is_passed_over() {
    let mut payload = vec![2];
    payload.extend([1; 80]);
    payload.extend([0xfd, 0x00, 0x10]);
    payload.extend([2; 80]);
    payload.push(0);
    let Message::Headers(headers) = decode("headers", payload).unwrap() else {
        panic!("not headers");
    };
    assert_eq!(headers.len(), 2);
}

#[test]
fn a_user_agent_that_is_too_long_spoils_the_message() {
    let version = |len: usize| {
        let mut payload = vec![0; 80];
        payload.push(0xfd);
        payload.extend((len as u16).to_le_bytes());
        payload.resize(payload.len() + len + 5, b'x');
        decode("version", payload)
    };
    assert!(version(256).is_ok());
    let error = version(257).unwrap_err();
    assert!(matches!(
        error,
        WireError::Malformed {
            error: DecodeError::TooLong(257),
            ..
        }
    ));
    assert_eq!(error.consequence(), Consequence::Ignore);
}

#[test]
fn a_user_agent_cannot_play_tricks_in_a_log() {
    let mut payload = vec![0; 80];
    payload.push(12);
    payload.extend(b"/a\x1b[2J\n<b>%/");
    let Message::Version(version) = decode("version", payload).unwrap() else {
        panic!("not a version");
    };
    assert_eq!(version.user_agent, "/a2Jb/");
}

#[test]
fn a_length_in_a_longer_form_than_needed_is_malformed() {
    for payload in [
        vec![0xfd, 0xfc, 0],
        vec![0xfe, 0xff, 0xff, 0, 0],
        vec![0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    ] {
        let error = decode("inv", payload).unwrap_err();
        assert!(matches!(
            error,
            WireError::Malformed {
                error: DecodeError::NonCanonicalLength,
                ..
            }
        ));
    }
}

#[test]
fn addresses_of_unknown_networks_stand_for_nothing_and_known_ones_have_their_length() {
    let entry = |network: u8, len: u8| {
        let mut payload = vec![1, 0, 0, 0, 0, 0, network, len];
        payload.resize(8 + usize::from(len), 1);
        payload.extend([0x20, 0x8d]);
        decode("addrv2", payload)
    };
    let Message::AddrV2(entries) = entry(9, 77).unwrap() else {
        panic!("not addresses");
    };
    assert_eq!(entries[0].addr, Address::UNSPECIFIED);
    for (network, len) in [(1, 4), (2, 16), (4, 32), (5, 32), (6, 16)] {
        assert!(entry(network, len).is_ok());
        let error = entry(network, len + 1).unwrap_err();
        assert!(matches!(
            error,
            WireError::Malformed {
                error: DecodeError::AddressLength { .. },
                ..
            }
        ));
    }
}
