use bitcoin::hex::DisplayHex as _;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::*;

async fn collect(body: Body) -> Vec<u8> {
    body.collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test]
async fn hexadecimal_says_its_length_and_is_that_long() {
    for size in [0, 1, FRAME / 2, FRAME / 2 + 1, 5 * FRAME] {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
        let body = hexadecimal(bytes.clone().into());
        assert_eq!(body.size_hint().exact(), Some(2 * size as u64 + 1));
        let expected = format!("{}\n", bytes.to_lower_hex_string());
        assert_eq!(collect(body).await, expected.as_bytes());
    }
}

#[tokio::test]
async fn pieces_come_in_order_in_frames_of_some_size() {
    let piece = |i: u32| Ok(format!("{i},").into_bytes());
    let mut body = of_pieces((0..20_000).map(piece));
    let mut all = Vec::new();
    let mut frames = 0;
    while let Some(frame) = body.frame().await {
        all.extend(frame.unwrap().into_data().unwrap());
        frames += 1;
    }
    let expected: String = (0..20_000).map(|i| format!("{i},")).collect();
    assert_eq!(all, expected.as_bytes());
    assert_eq!(frames, expected.len().div_ceil(FRAME));
}

#[tokio::test]
async fn a_piece_that_cannot_be_made_breaks_the_reply_off() {
    let pieces = [Ok(vec![b'x'; FRAME]), Err(RpcError::misc("gone"))];
    let mut body = of_pieces(pieces.into_iter());
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().await.unwrap().is_err());
}
