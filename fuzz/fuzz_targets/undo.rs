//! Any bytes are undo data or an error, and undo data encodes to bytes that decode to it again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tipward_coins::undo;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((inputs_per_tx, spent)) = undo::decode(bytes) {
        assert_eq!(inputs_per_tx.iter().sum::<usize>(), spent.len());
        let encoded = undo::encode(inputs_per_tx.iter().copied(), &spent);
        // What was not compressed although it can be, is.
        assert!(encoded.len() <= bytes.len());
        assert_eq!(undo::decode(&encoded), Ok((inputs_per_tx, spent)));
    }
});
