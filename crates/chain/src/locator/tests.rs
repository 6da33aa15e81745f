use super::*;
use crate::Chain;
use crate::testing::{chain_of, chain_with, genesis, hashes, insert_all, regtest, unmined};

/// A chain of `count` blocks, all stored.
fn stored(count: usize) -> (Chain, Vec<Header>) {
    let headers = chain_of(&genesis(&regtest()), count, unmined);
    let mut chain = chain_with(&regtest(), &headers);
    for hash in hashes(&headers) {
        chain.mark_stored(&hash, 1);
        chain.set_tip(&hash);
    }
    (chain, headers)
}

fn nothing() -> BlockHash {
    BlockHash::all_zeros()
}

#[test]
fn a_locator_takes_single_steps_then_ever_wider_ones_and_ends_with_the_genesis_block() {
    let (chain, _) = stored(200);
    let heights: Vec<u32> = chain
        .locator(chain.tip())
        .iter()
        .map(|hash| chain.height(chain.find(hash).unwrap()))
        .collect();
    assert_eq!(
        heights,
        [
            200, 199, 198, 197, 196, 195, 194, 193, 192, 191, 190, 189, 187, 183, 175, 159, 127,
            63, 0
        ]
    );
}

#[test]
fn the_locator_of_a_short_chain_is_all_of_it() {
    let (chain, headers) = stored(3);
    let mut expected = hashes(&headers);
    expected.reverse();
    expected.push(chain.hash(HeaderId::GENESIS));
    assert_eq!(chain.locator(chain.tip()), expected);
    assert_eq!(chain.locator(HeaderId::GENESIS), expected[3..]);
}

#[test]
fn headers_are_served_from_where_the_chains_part() {
    let (mut chain, headers) = stored(50);
    let branch = chain_of(&headers[19], 40, |parent, i| unmined(parent, 100 + i));
    insert_all(&mut chain, &branch);
    let theirs = chain.find(&branch[39].block_hash()).unwrap();

    let served = chain.headers_after(&chain.locator(theirs), nothing(), 2000);

    // The locator's steps have become wider by then: what is served overlaps with what the peer has, and misses nothing.
    let first = headers.iter().position(|h| *h == served[0]).unwrap();
    assert!((5..=20).contains(&first));
    assert_eq!(served, headers[first..]);
}

#[test]
fn headers_are_served_up_to_the_stop_and_to_the_most_that_are_allowed() {
    let (chain, headers) = stored(50);
    let start = [headers[9].block_hash()];
    let stop = headers[14].block_hash();

    assert_eq!(chain.headers_after(&start, stop, 2000), headers[10..15]);
    assert_eq!(chain.headers_after(&start, nothing(), 3), headers[10..13]);
    assert_eq!(chain.headers_after(&start, stop, 0), []);
    // A stop that does not come is as good as none.
    let earlier = headers[3].block_hash();
    assert_eq!(chain.headers_after(&start, earlier, 2000), headers[10..]);
}

#[test]
fn a_peer_that_knows_nothing_of_ours_is_served_from_the_beginning() {
    let (chain, headers) = stored(5);
    let unknown = unmined(&headers[4], 99).block_hash();
    assert_eq!(chain.headers_after(&[unknown], nothing(), 2000), headers);
}

#[test]
fn a_peer_with_all_that_we_have_or_more_is_served_nothing() {
    let (mut chain, headers) = stored(5);
    let more = chain_of(&headers[4], 3, unmined);
    insert_all(&mut chain, &more);
    for last in [headers[4], more[2]] {
        let locator = chain.locator(chain.find(&last.block_hash()).unwrap());
        assert_eq!(chain.headers_after(&locator[..1], nothing(), 2000), []);
    }
}

#[test]
fn headers_whose_blocks_are_not_stored_are_not_served() {
    let (mut chain, headers) = stored(5);
    insert_all(&mut chain, &chain_of(&headers[4], 3, unmined));
    let locator = chain.locator(HeaderId::GENESIS);
    assert_eq!(chain.headers_after(&locator, nothing(), 2000), headers);
}

#[test]
fn an_empty_locator_asks_for_one_header_of_the_active_chain() {
    let (mut chain, headers) = stored(5);
    let fork = unmined(&headers[1], 99);
    insert_all(&mut chain, &[fork]);
    let ask = |header: &Header| chain.headers_after(&[], header.block_hash(), 2000);
    assert_eq!(ask(&headers[2]), [headers[2]]);
    assert_eq!(ask(&fork), []);
    assert_eq!(chain.headers_after(&[], nothing(), 2000), []);
}
