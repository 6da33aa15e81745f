use std::collections::HashSet;

use proptest::prelude::*;
use tipward_primitives::Txid;
use tipward_primitives::bitcoin::OutPoint;
use tipward_primitives::bitcoin::hashes::Hash as _;

use super::*;
use crate::testing::{parsed, spending};

#[test]
fn without_its_witness_a_transaction_fits_into_a_block() {
    let sized = |bytes: usize| {
        let mut tx = spending(1, &[1]);
        // A script of that length has four more bytes of length in front.
        let rest = tx.base_size() - 1 + 4; // its own byte goes
        tx.output[0].script_pubkey = vec![0; bytes - rest].into();
        // A witness does not count here.
        tx.input[0].witness.push([0; 100]);
        assert_eq!(tx.base_size(), bytes);
        let block = parsed(&[tx]);
        check_transaction(block.transaction(0).unwrap())
    };
    assert_eq!(sized(999_999), Ok(()));
    assert_eq!(sized(1_000_000), Ok(()));
    let reject = sized(1_000_001).unwrap_err();
    assert_eq!(reject.reason, "bad-txns-oversize");
}

/// Outpoints of which many are the same and many more look alike.
fn outpoint() -> impl Strategy<Value = OutPoint> {
    (0_u8..3, 0_u8..3, 0_u32..3).prop_map(|(fifth, last, vout)| {
        let mut id = [7; 32];
        (id[4], id[31]) = (fifth, last);
        OutPoint::new(Txid::from_byte_array(id), vout)
    })
}

proptest! {
    #[test]
    fn an_input_is_there_twice_exactly_if_a_set_says_so(
        outpoints in proptest::collection::vec(outpoint(), 1..24)
    ) {
        let mut tx = spending(outpoints.len() as u32, &[1]);
        for (input, outpoint) in tx.input.iter_mut().zip(&outpoints) {
            input.previous_output = *outpoint;
        }
        let set: HashSet<&OutPoint> = outpoints.iter().collect();
        let block = parsed(&[tx]);
        let verdict = check_no_input_twice(block.transaction(0).unwrap());
        prop_assert_eq!(verdict.is_ok(), set.len() == outpoints.len());
    }
}
