use std::sync::atomic::AtomicBool;

use tipward_chain::Fault;
use tipward_coins::SetInfo;
use tipward_primitives::BlockHash;

use super::*;
use crate::CoinRef;
use crate::testing::{CoinList, coin};

fn everybodys() -> HashMap<ScriptBuf, String> {
    HashMap::from([(ScriptBuf::from_bytes(vec![0x51]), String::new())])
}

#[test]
fn what_is_found_is_in_the_order_of_ids_and_numbers() {
    let mut other = coin(2, 0, 5);
    other.1.script = ScriptBuf::from_bytes(vec![0x52]);
    let set = CoinList(vec![coin(2, 256, 1), coin(2, 1, 2), other, coin(1, 0, 3)]);
    let found = find(&set, &everybodys(), &State::new()).unwrap();
    let values: Vec<u64> = found.coins.iter().map(|(_, coin)| coin.value).collect();
    assert_eq!(values, [3, 2, 1]);
    assert_eq!((found.looked_at, found.complete), (4, true));
}

/// Many coins, and a user who ends the scan after some of them.
struct Aborted {
    coins: CoinList,
    after: u64,
    state: Arc<State>,
}

impl CoinSet for Aborted {
    fn tip(&self) -> BlockHash {
        self.coins.tip()
    }

    fn get(&self, outpoint: &OutPoint) -> Result<Option<CoinValue>, Fault> {
        self.coins.get(outpoint)
    }

    fn visit(&self, visitor: &mut dyn FnMut(CoinRef<'_>) -> ControlFlow<()>) -> Result<(), Fault> {
        let mut visited = 0;
        self.coins.visit(&mut |coin| {
            visited += 1;
            if visited == self.after {
                assert!(self.state.scan.abort());
            }
            visitor(coin)
        })
    }

    fn info(&self, _: bool, _: &AtomicBool) -> Result<Option<SetInfo>, Fault> {
        Ok(None)
    }

    fn disk_size(&self) -> u64 {
        0
    }
}

#[test]
fn an_aborted_scan_ends_soon_and_gives_what_it_has_found() {
    let state = State::new();
    let _running = state.scan.begin().unwrap();
    let set = Aborted {
        coins: CoinList((0..30_000).map(|n| coin(0x80, n, 1)).collect()),
        after: 10_000,
        state: Arc::clone(&state),
    };
    let found = find(&set, &everybodys(), &state).unwrap();
    assert_eq!((found.looked_at, found.complete), (16_384, false));
    assert_eq!(found.coins.len(), 16_383);
    assert_eq!(state.scan.progress(), Some(50), "ids begin with 0x80");
}
