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
