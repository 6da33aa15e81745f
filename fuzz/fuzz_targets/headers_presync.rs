//! Whatever a peer sends, the low-work header defence stays within its memory, lets nothing through before it was seen
//! twice, and what it lets through is one chain.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tipward_chain::presync::{End, Presync, PresyncPhase};
use tipward_chain::{Chain, HeaderId};
use tipward_consensus::header::target_of;
use tipward_primitives::bitcoin::TxMerkleNode;
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::{
    BlockHash, CompactTarget, Header, HeaderSyncParams, Network, Params, Timestamp, Work,
};

/// Made once: an input changes a few figures of it.
static REGTEST: LazyLock<Params> = LazyLock::new(|| Params::new(Network::Regtest));

/// So many messages reach every state; more would only take time, which hashing headers takes most of.
const MOST_MESSAGES: usize = 32;

/// The input: what is tried, then messages of two bytes each.
struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.0.next().copied()
    }
}

/// One header after the one with hash `prev`: always the same for the same `salt` and `bits`, so that a chain can be sent
/// twice.
fn header(start: &Header, prev: BlockHash, salt: u8, bits: u32) -> Header {
    Header {
        prev_blockhash: prev,
        merkle_root: TxMerkleNode::from_byte_array([salt; 32]),
        bits: CompactTarget::from_consensus(bits),
        ..*start
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Input(bytes.iter()));
});

fn run(input: &mut Input<'_>) -> Option<()> {
    let mut params = REGTEST.clone();
    let (wanted, secret, switches) = (input.byte()?, input.byte()?, input.byte()?);
    params.pow_allow_min_difficulty = switches & 1 != 0;
    params.header_sync = HeaderSyncParams {
        commitment_period: usize::from(input.byte()? % 16) + 1,
        redownload_buffer_size: usize::from(input.byte()?),
    };
    let mut minimum = [0; 32];
    minimum[..2].copy_from_slice(&(u16::from(wanted) * 8).to_le_bytes());
    params.minimum_chain_work = Work::from_le_bytes(minimum);
    let buffer = params.header_sync.redownload_buffer_size;
    let start = params.genesis.header;
    let params = Arc::new(params);
    let mut chain = Chain::new(Arc::clone(&params));

    let now = Timestamp::from_secs(u64::from(start.time) + u64::from(switches) * 10);
    let mut presync = Presync::new(&chain, HeaderId::GENESIS, now, u128::from(secret));
    let mut ask = start.block_hash();
    let (mut sent, mut accepted) = (0, 0);
    for _ in 0..MOST_MESSAGES {
        let (kind, count) = (input.byte()?, usize::from(input.byte()?));
        let salt = kind & 3;
        let bits = match kind >> 2 & 3 {
            0 | 1 => 0x207f_ffff,
            2 => 0x201f_ffff,
            _ => u32::from_le_bytes([count as u8, kind, 0x7f, 0x20 ^ kind >> 6]),
        };
        // A header with a target out of range has no proof of work, so it never comes this far; it would claim no work.
        target_of(&params, CompactTarget::from_consensus(bits))?;
        let mut prev = ask;
        let mut message: Vec<Header> = Vec::new();
        for _ in 0..count {
            let next = header(&start, prev, salt, bits);
            prev = next.block_hash();
            message.push(next);
        }
        if kind & 16 != 0 {
            // Perhaps a gap.
            message.reverse();
        }

        let before = presync.phase();
        let outcome = presync.process(&message, kind & 32 == 0);

        assert!(presync.memory() <= presync.memory_bound());
        assert_ne!(outcome.request_more.is_some(), outcome.end.is_some());
        assert_eq!(outcome.end.is_some(), presync.phase() == PresyncPhase::Done);
        if before == PresyncPhase::Presync {
            assert!(outcome.accepted.is_empty());
        } else {
            sent += message.len();
        }
        accepted += outcome.accepted.len();
        assert!(accepted <= sent);
        for header in &outcome.accepted {
            let tip = chain.best_header();
            let id = chain
                .insert_stored(header)
                .expect("what is let through is one chain");
            assert_eq!(
                chain.tree().parent(id),
                Some(chain.find(&header.prev_blockhash)?)
            );
            assert!(chain.height(id) == chain.height(tip) + 1 || chain.best_header() == tip);
        }
        match outcome.end {
            None => {
                assert!(before == PresyncPhase::Presync || sent - accepted <= buffer);
                ask = outcome.request_more?[0];
            }
            Some(End::Complete) => {
                assert_eq!(sent, accepted);
                let work = chain.entry(chain.best_header()).chainwork();
                assert!(work >= params.minimum_chain_work);
                return None;
            }
            Some(End::Failed(_)) => {
                assert!(outcome.accepted.is_empty());
                return None;
            }
            Some(End::TooLittleWork | End::StoppedShort) => return None,
        }
    }
    None
}
