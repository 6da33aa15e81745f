use std::sync::Arc;

use proptest::prelude::*;
use tipward_primitives::{Network, Params, Work};

use super::*;
use crate::testing::{
    bits, chain_of, genesis, insert_all, late, mainnet_headers, mine, mined, regtest, spoil,
    test_data, unmined,
};
use crate::work;

fn refusal(chain: &mut Chain, header: &Header) -> (RejectKind, String) {
    let reject = chain.accept_header(header, late()).unwrap_err();
    (reject.kind, reject.reason.into_owned())
}

#[test]
fn a_header_that_keeps_the_rules_is_new_once() {
    let mut chain = Chain::new(regtest());
    let header = mined(&genesis(chain.params()), 0);

    let first = chain.accept_header(&header, late()).unwrap();
    let again = chain.accept_header(&header, late()).unwrap();

    assert!(first.new);
    assert!(!again.new);
    assert_eq!(first.id, again.id);
    assert_eq!(first.hash, header.block_hash());
    assert_eq!(chain.header(first.id), header);
    assert_eq!(chain.best_header(), first.id);
}

#[test]
fn the_genesis_block_is_known() {
    let mut chain = Chain::new(regtest());
    let accepted = chain.accept_header(&genesis(&regtest()), late()).unwrap();
    assert_eq!(accepted.id, HeaderId::GENESIS);
    assert!(!accepted.new);
}

#[test]
fn a_header_without_its_proof_of_work_is_refused_before_its_parent_is_looked_for() {
    let mut chain = Chain::new(regtest());
    let start = genesis(chain.params());
    let lost = unmined(&unmined(&start, 0), 0);

    assert_eq!(
        refusal(&mut chain, &spoil(lost)),
        (RejectKind::InvalidHeader, "high-hash".into())
    );
    assert_eq!(
        refusal(&mut chain, &mine(lost)),
        (RejectKind::MissingPrev, "prev-blk-not-found".into())
    );
}

#[test]
fn a_header_that_was_refused_is_not_remembered() {
    let mut chain = Chain::new(regtest());
    let mut early = unmined(&genesis(chain.params()), 0);
    early.time = genesis(chain.params()).time;
    let early = mine(early);

    for _ in 0..2 {
        assert_eq!(
            refusal(&mut chain, &early),
            (RejectKind::InvalidHeader, "time-too-old".into())
        );
    }
    assert_eq!(chain.find(&early.block_hash()), None);
}

#[test]
fn a_header_of_the_future_is_taken_when_its_time_has_come() {
    let mut chain = Chain::new(regtest());
    let header = mined(&genesis(chain.params()), 0);
    let two_hours_before = Timestamp::from_secs(u64::from(header.time) - 2 * 60 * 60);
    let a_moment_earlier = Timestamp::from_micros(two_hours_before.as_micros() - 1);

    let reject = chain.accept_header(&header, a_moment_earlier).unwrap_err();
    assert_eq!(reject.kind, RejectKind::TimeFuture);
    assert_eq!(reject.reason, "time-too-new");
    assert!(chain.accept_header(&header, two_hours_before).unwrap().new);
}

#[test]
fn an_invalid_block_and_what_builds_on_it_stay_refused() {
    let mut chain = Chain::new(regtest());
    let headers = chain_of(&genesis(chain.params()), 3, mined);
    assert!(chain.accept_headers(&headers, late()).refused.is_none());

    chain.mark_invalid(&headers[1].block_hash());

    assert!(!chain.accept_header(&headers[0], late()).unwrap().new);
    for known in &headers[1..] {
        assert_eq!(
            refusal(&mut chain, known),
            (RejectKind::CachedInvalid, "duplicate-invalid".into())
        );
    }
    for parent in &headers[1..] {
        assert_eq!(
            refusal(&mut chain, &mined(parent, 99)),
            (RejectKind::InvalidPrev, "bad-prevblk".into())
        );
    }
}

#[test]
fn a_stored_header_on_an_invalid_one_is_invalid() {
    let mut chain = Chain::new(regtest());
    let headers = chain_of(&genesis(chain.params()), 2, unmined);
    insert_all(&mut chain, &headers[..1]);
    chain.mark_invalid(&headers[0].block_hash());

    let id = chain.insert_stored(&headers[1]).unwrap();

    assert!(chain.is_invalid(id));
    assert_eq!(chain.best_header(), HeaderId::GENESIS);
}

#[test]
fn a_stored_header_without_its_parent_is_not_taken() {
    let mut chain = Chain::new(regtest());
    let headers = chain_of(&genesis(chain.params()), 2, unmined);
    assert_eq!(chain.insert_stored(&headers[1]), None);
    assert_eq!(chain.tree().len(), 1);
}

#[test]
fn the_headers_of_a_message_are_taken_up_to_the_first_that_is_refused() {
    let mut chain = Chain::new(regtest());
    let mut headers = chain_of(&genesis(chain.params()), 10, mined);
    chain.accept_headers(&headers[..3], late());
    headers[6] = spoil(headers[6]);

    let outcome = chain.accept_headers(&headers, late());

    assert_eq!(outcome.new, headers[3..6]);
    assert_eq!(outcome.last, chain.find(&headers[5].block_hash()));
    let refused = outcome.refused.unwrap();
    assert_eq!(refused.hash, headers[6].block_hash());
    assert_eq!(refused.reject.reason, "high-hash");
    assert_eq!(chain.tree().len(), 7);
}

#[test]
fn mainnets_first_headers_keep_every_rule() {
    let Some(headers) = mainnet_headers() else {
        return;
    };
    let mut chain = Chain::new(Arc::new(Params::new(Network::Bitcoin)));
    for message in headers.chunks(2000) {
        let outcome = chain.accept_headers(message, late());
        assert_eq!(outcome.refused, None);
    }
    let best = chain.entry(chain.best_header());
    assert_eq!(best.height(), 4312);
    assert_eq!(
        best.hash().to_string(),
        "00000000a9da635727dce622d78361b153ce3334e6a60d4377fad529abfc7863"
    );
}

#[test]
fn mainnets_work_adds_up_from_one_difficulty_period_to_the_next() {
    let Some(file) = test_data("mainnet-checkpoints.txt") else {
        return;
    };
    let params = Params::new(Network::Bitcoin);
    let text = String::from_utf8(file).unwrap();
    let mut before: Option<(u32, Work, Header)> = None;
    for line in text.lines().skip(3) {
        let (height, chainwork, header) = checkpoint(line);
        let hash = header.block_hash();
        check_proof_of_work(&params, hash, header.bits).unwrap();
        if let Some((height_before, work_before, header_before)) = before {
            assert_eq!(height, height_before + 2016);
            let old = work::times(work::of_bits(header_before.bits), 2015);
            let expected = work::add(work::add(work_before, old), work::of_bits(header.bits));
            assert_eq!(chainwork, expected, "at height {height}");
        }
        before = Some((height, chainwork, header));
    }
    assert_eq!(before.unwrap().0, 436 * 2016);
}

/// A line of the checkpoints: base64 of work (12 bytes, big endian), height (4) and header (80).
fn checkpoint(line: &str) -> (u32, Work, Header) {
    use bitcoin::consensus::Decodable as _;

    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = line
        .as_bytes()
        .chunks(4)
        .flat_map(|four| {
            let number = four.iter().fold(0_u32, |number, c| {
                number << 6 | alphabet.iter().position(|a| a == c).unwrap() as u32
            });
            number.to_be_bytes()[1..].to_vec()
        })
        .collect();
    let mut chainwork = [0; 32];
    chainwork[20..].copy_from_slice(&bytes[..12]);
    (
        u32::from_be_bytes(bytes[12..16].try_into().unwrap()),
        Work::from_be_bytes(chainwork),
        Header::consensus_decode(&mut &bytes[16..]).unwrap(),
    )
}

/// A testnet whose difficulty changes every eight blocks and whose blocks are easy enough to be made here.
fn small_testnet(bip94: bool) -> Arc<Params> {
    let mut params = Params::new(Network::Regtest);
    params.pow_no_retargeting = false;
    params.pow_allow_min_difficulty = true;
    params.enforce_bip94 = bip94;
    params.pow_target_timespan = 8 * params.pow_target_spacing;
    Arc::new(params)
}

/// Headers that follow `parent` with `step` seconds between them, and the claim `compact`.
fn timed(chain: &mut Chain, count: usize, parent: Header, step: u32, compact: u32) -> Header {
    let headers = chain_of(&parent, count, |parent, salt| {
        let mut header = unmined(parent, salt);
        header.time = parent.time + step;
        header.bits = bits(compact);
        mine(header)
    });
    let outcome = chain.accept_headers(&headers, late());
    assert_eq!(outcome.refused, None);
    headers.last().copied().unwrap_or(parent)
}

#[test]
fn on_a_testnet_a_late_block_is_easy_and_the_next_is_not() {
    let mut chain = Chain::new(small_testnet(false));
    let start = genesis(chain.params());
    // Two-second blocks: the next period is four times as hard.
    let end = timed(&mut chain, 7, start, 2, 0x207f_ffff);
    let hard = timed(&mut chain, 2, end, 600, 0x201f_ffff);

    let easy = timed(&mut chain, 1, hard, 1201, 0x207f_ffff);
    timed(&mut chain, 1, easy, 600, 0x201f_ffff);

    let mut too_easy = unmined(&easy, 9);
    too_easy.bits = bits(0x207f_ffff);
    assert_eq!(
        refusal(&mut chain, &mine(too_easy)),
        (RejectKind::InvalidHeader, "bad-diffbits".into())
    );
}

#[test]
fn with_bip94_an_easy_last_block_does_not_make_the_next_period_easy() {
    for (bip94, first_of_period) in [(false, 0x207f_ffff), (true, 0x201f_ffff)] {
        let mut chain = Chain::new(small_testnet(bip94));
        let start = genesis(chain.params());
        let end = timed(&mut chain, 7, start, 2, 0x207f_ffff);
        let hard = timed(&mut chain, 7, end, 565, 0x201f_ffff);
        // Eight blocks from 2 s after `end`: 565 * 6 + 1410 = 4800 s, exactly what a period should take.
        let easy = timed(&mut chain, 1, hard, 1410, 0x207f_ffff);
        timed(&mut chain, 1, easy, 600, first_of_period);
    }
}

#[test]
fn with_bip94_the_clock_cannot_be_turned_back_between_periods() {
    let mut chain = Chain::new(small_testnet(true));
    let start = genesis(chain.params());
    let end = timed(&mut chain, 7, start, 600, 0x207f_ffff);
    let next = |earlier: u32| {
        let mut header = unmined(&end, 0);
        header.time = end.time - earlier;
        header.bits = bits(0x206f_fffe);
        header
    };
    let required = tipward_consensus::header::next_work_required(
        chain.params(),
        &Branch {
            tree: chain.tree(),
            tip: chain.best_header(),
        },
        end.time,
    );
    let with_required = |mut header: Header| {
        header.bits = required;
        mine(header)
    };

    assert_eq!(
        refusal(&mut chain, &with_required(next(601))),
        (RejectKind::InvalidHeader, "time-timewarp-attack".into())
    );
    assert!(
        chain
            .accept_header(&with_required(next(600)), late())
            .is_ok()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn headers_are_taken_in_any_order_that_has_parents_first(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        split in any::<prop::sample::Index>(),
    ) {
        let mut headers = vec![genesis(&regtest())];
        for (salt, pick) in picks.iter().enumerate() {
            let parent = headers[pick.index(headers.len())];
            headers.push(mined(&parent, salt as u64));
        }
        let mut one_by_one = Chain::new(regtest());
        for header in &headers {
            prop_assert!(one_by_one.accept_header(header, late()).is_ok());
        }
        let mut together = Chain::new(regtest());
        let (first, second) = headers.split_at(split.index(headers.len()));
        let (first, second) = (
            together.accept_headers(first, late()),
            together.accept_headers(second, late()),
        );
        prop_assert_eq!(first.new.len() + second.new.len(), headers.len() - 1);
        prop_assert_eq!(one_by_one.tips(), together.tips());
        prop_assert_eq!(one_by_one.best_header(), together.best_header());
    }
}
