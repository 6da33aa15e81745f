use std::sync::atomic::AtomicBool;

use bitcoin::OutPoint;
use tipward_coins::SetInfo;
use tipward_primitives::BlockHash;

use super::*;
use crate::{CoinRef, CoinValue};

/// Coins in the order in which they are visited.
struct Listed(Vec<(u8, u32)>);

impl CoinSet for Listed {
    fn tip(&self) -> BlockHash {
        BlockHash::all_zeros()
    }

    fn get(&self, _: &OutPoint) -> Result<Option<CoinValue>, Fault> {
        Ok(None)
    }

    fn visit(&self, visitor: &mut dyn FnMut(CoinRef<'_>) -> ControlFlow<()>) -> Result<(), Fault> {
        for (byte, vout) in &self.0 {
            let coin = CoinRef {
                outpoint: OutPoint::new(Txid::from_byte_array([*byte; 32]), *vout),
                height: 7,
                coinbase: true,
                value: u64::from(*vout),
                script: &[0x51],
            };
            if visitor(coin).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn info(&self, _: bool, _: &AtomicBool) -> Result<Option<SetInfo>, Fault> {
        Ok(None)
    }

    fn disk_size(&self) -> u64 {
        0
    }
}

fn hash(coins: &[(u8, u32)]) -> sha256d::Hash {
    serialized_hash(&Listed(coins.to_vec()), || false)
        .unwrap()
        .unwrap()
}

#[test]
fn the_order_within_a_transaction_does_not_matter_that_of_transactions_does() {
    let sorted = hash(&[(1, 0), (1, 1), (1, 256), (2, 0)]);
    assert_eq!(hash(&[(1, 256), (1, 1), (1, 0), (2, 0)]), sorted);
    assert_ne!(hash(&[(2, 0), (1, 0), (1, 1), (1, 256)]), sorted);
    assert_eq!(hash(&[]), sha256d::Hash::hash(&[]));
}

#[test]
fn it_stops_when_told_to() {
    let stopped = serialized_hash(&Listed(vec![(1, 0)]), || true).unwrap();
    assert_eq!(stopped, None);
}
