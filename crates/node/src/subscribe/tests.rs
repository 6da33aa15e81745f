use std::sync::Arc;

use tipward_chain::Chain;
use tipward_primitives::{Header, Network, Params};
use tipward_testkit::build::BlockBuilder;

use super::path::{Place, Step, next_steps};
use super::*;

/// A chain whose active branch has ten blocks, and another branch of twelve from height 6 on that is stored.
struct Fixture {
    chain: Chain,
    main: Vec<Header>,
    other: Vec<Header>,
}

fn grow(chain: &mut Chain, parent: Header, height: Height, blocks: u32, salt: u64) -> Vec<Header> {
    let params = Params::new(Network::Regtest);
    let mut parent = parent;
    (0..blocks)
        .map(|i| {
            let block = BlockBuilder::on(&params, &parent, height + i)
                .extra_nonce(salt)
                .build();
            parent = block.header;
            chain.insert_stored(&parent).unwrap();
            chain.mark_stored(&parent.block_hash(), 1);
            parent
        })
        .collect()
}

impl Fixture {
    fn new() -> Self {
        let params = Params::new(Network::Regtest);
        let genesis = params.genesis.header;
        let mut chain = Chain::new(Arc::new(params));
        chain.mark_stored(&genesis.block_hash(), 1);
        let main = grow(&mut chain, genesis, 0, 10, 0);
        let other = grow(&mut chain, main[5], 6, 6, 1);
        let mut fixture = Self { chain, main, other };
        fixture.tip_to(fixture.main[9]);
        fixture
    }

    fn tip_to(&mut self, header: Header) {
        self.chain.set_tip(&header.block_hash()).unwrap();
    }

    fn at(&self, header: Header) -> Place {
        let hash = header.block_hash();
        let id = self.chain.find(&hash).unwrap();
        Place::After(Cursor {
            height: self.chain.height(id),
            hash,
        })
    }

    /// The steps as signed heights: those that leave are negative.
    fn steps(&self, place: Place) -> Vec<i64> {
        let steps = next_steps(&self.chain.view(), &place, 100).unwrap();
        let sign = |step: &Step| i64::from(step.height) * if step.leaves { -1 } else { 1 };
        steps.iter().map(sign).collect()
    }
}

#[test]
fn from_a_height_come_the_blocks_of_the_active_chain() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture.steps(Place::Before(0)),
        (0..=10).collect::<Vec<_>>()
    );
    assert_eq!(fixture.steps(Place::Before(9)), [9, 10]);
    assert!(fixture.steps(Place::Before(11)).is_empty());
    assert_eq!(fixture.steps(fixture.at(fixture.main[7])), [9, 10]);
    assert!(fixture.steps(fixture.at(fixture.main[9])).is_empty());
    let few = next_steps(&fixture.chain.view(), &Place::Before(3), 2).unwrap();
    assert_eq!(
        few.iter().map(|step| step.height).collect::<Vec<_>>(),
        [3, 4]
    );
}

#[test]
fn who_was_on_another_branch_goes_back_to_the_fork_first() {
    let mut fixture = Fixture::new();
    let old_tip = fixture.main[9];
    fixture.tip_to(fixture.other[5]);
    let at_old_tip = fixture.at(old_tip);
    assert_eq!(
        fixture.steps(at_old_tip),
        [-10, -9, -8, -7, 7, 8, 9, 10, 11, 12]
    );
    let steps = next_steps(&fixture.chain.view(), &at_old_tip, 5).unwrap();
    assert_eq!(steps[3].hash, fixture.main[6].block_hash());
    assert_eq!(steps[4].hash, fixture.other[0].block_hash());
    assert_eq!(fixture.steps(fixture.at(fixture.main[4])).len(), 7);
}

#[test]
fn a_tip_that_fell_behind_takes_nothing_back_unless_a_block_was_found_invalid() {
    let mut fixture = Fixture::new();
    let ahead = fixture.at(fixture.main[9]);
    fixture.tip_to(fixture.main[3]);
    assert!(fixture.steps(ahead).is_empty());
    fixture.chain.mark_invalid(&fixture.main[4].block_hash());
    assert_eq!(fixture.steps(ahead), [-10, -9, -8, -7, -6, -5]);
}

#[test]
fn a_block_that_nobody_knows_is_waited_for_only_while_headers_may_bring_it() {
    let fixture = Fixture::new();
    let unknown = |height| Cursor {
        height,
        hash: "00000000000000000000000000000000000000000000000000000000000000aa"
            .parse()
            .unwrap(),
    };
    assert!(fixture.steps(Place::After(unknown(13))).is_empty());
    let view = fixture.chain.view();
    let error = next_steps(&view, &Place::After(unknown(12)), 100).unwrap_err();
    assert!(matches!(error, SubscribeError::UnknownCursor(at) if at == unknown(12)));
}

#[test]
fn a_cursor_is_kept_as_a_line_of_text() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cursor");
    assert_eq!(Cursor::load(&file).unwrap(), None);
    let params = Params::new(Network::Regtest);
    for height in [3, 4] {
        let cursor = Cursor {
            height,
            hash: params.genesis_hash,
        };
        cursor.save(&file).unwrap();
        assert_eq!(Cursor::load(&file).unwrap(), Some(cursor));
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
    }
    for bad in ["", "7", "x:00", "7:00", "-1:00"] {
        assert_eq!(bad.parse::<Cursor>(), Err(BadCursor));
    }
    std::fs::write(&file, "7").unwrap();
    assert!(Cursor::load(&file).is_err());
}
