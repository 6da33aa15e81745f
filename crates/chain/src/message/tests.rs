use super::*;
use crate::testing::{chain_of, chain_with, genesis, mined, regtest, spoil, unmined};

#[test]
fn headers_that_follow_each_other_with_their_proof_of_work_are_fine() {
    let headers = chain_of(&genesis(&regtest()), 20, mined);
    assert_eq!(check_headers(&regtest(), &headers), Ok(()));
    assert_eq!(check_headers(&regtest(), &headers[7..8]), Ok(()));
    assert_eq!(check_headers(&regtest(), &[]), Ok(()));
}

#[test]
fn headers_with_a_gap_are_not_continuous() {
    let mut headers = chain_of(&genesis(&regtest()), 20, mined);
    headers.remove(10);
    assert_eq!(
        check_headers(&regtest(), &headers),
        Err(BadHeaders::NotContinuous)
    );
}

#[test]
fn missing_proof_of_work_is_what_is_blamed_even_after_a_gap() {
    let mut headers = chain_of(&genesis(&regtest()), 20, mined);
    headers[19] = spoil(headers[19]);
    assert_eq!(
        check_headers(&regtest(), &headers),
        Err(BadHeaders::ProofOfWork)
    );
    headers.remove(10);
    assert_eq!(
        check_headers(&regtest(), &headers),
        Err(BadHeaders::ProofOfWork)
    );
}

#[test]
fn the_claimed_work_is_that_of_the_chain_with_the_headers_on_top() {
    let headers = chain_of(&genesis(&regtest()), 20, unmined);
    let chain = chain_with(&regtest(), &headers);
    let at = |height| chain.tree().ancestor(chain.best_header(), height).unwrap();
    assert_eq!(
        chain.claimed_work(at(5), &headers[5..]),
        chain.entry(chain.best_header()).chainwork()
    );
    assert_eq!(
        chain.claimed_work(at(5), &[]),
        chain.entry(at(5)).chainwork()
    );
}

#[test]
fn the_way_to_the_best_header_and_to_the_tip_is_best_chain() {
    let headers = chain_of(&genesis(&regtest()), 6, unmined);
    let branch = chain_of(&headers[1], 3, |parent, i| unmined(parent, 100 + i));
    let mut chain = chain_with(&regtest(), &[&headers[..], &branch[..]].concat());
    for header in headers[..2].iter().chain(&branch[..1]) {
        chain.mark_stored(&header.block_hash(), 1);
    }
    chain.set_tip(&branch[0].block_hash());
    let on_best =
        |header: &Header| chain.is_on_best_chain(chain.find(&header.block_hash()).unwrap());
    assert!(headers.iter().all(on_best));
    assert!(on_best(&branch[0]));
    assert!(!on_best(&branch[1]));
}
