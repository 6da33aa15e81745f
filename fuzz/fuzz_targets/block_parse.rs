//! Our block parser and rust-bitcoin's accept the same bytes and read the same out of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tipward_testkit::oracle::parsers_agree;

fuzz_target!(|bytes: &[u8]| {
    // The header is eighty bytes of anything: the fuzzer need not find out.
    let mut block = vec![0; 80];
    block.extend_from_slice(bytes);
    parsers_agree(&block);
});
