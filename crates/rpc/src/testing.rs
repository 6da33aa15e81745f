//! A coin set for unit tests: a plain list.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, ScriptBuf, Txid};
use tipward_chain::Fault;
use tipward_coins::SetInfo;
use tipward_primitives::BlockHash;

use crate::{CoinRef, CoinSet, CoinValue};

/// Coins in the order in which they are visited.
pub(crate) struct CoinList(pub(crate) Vec<(OutPoint, CoinValue)>);

/// A coin of so many satoshis as the output `vout` of the transaction whose id has this byte 32 times.
pub(crate) fn coin(byte: u8, vout: u32, value: u64) -> (OutPoint, CoinValue) {
    let coin = CoinValue {
        height: 7,
        coinbase: true,
        value,
        script: ScriptBuf::from_bytes(vec![0x51]),
    };
    (OutPoint::new(Txid::from_byte_array([byte; 32]), vout), coin)
}

impl CoinSet for CoinList {
    fn tip(&self) -> BlockHash {
        BlockHash::all_zeros()
    }

    fn get(&self, outpoint: &OutPoint) -> Result<Option<CoinValue>, Fault> {
        let found = self.0.iter().find(|(at, _)| at == outpoint);
        Ok(found.map(|(_, coin)| coin.clone()))
    }

    fn visit(&self, visitor: &mut dyn FnMut(CoinRef<'_>) -> ControlFlow<()>) -> Result<(), Fault> {
        for (outpoint, coin) in &self.0 {
            let coin = CoinRef {
                outpoint: *outpoint,
                height: coin.height,
                coinbase: coin.coinbase,
                value: coin.value,
                script: coin.script.as_bytes(),
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
