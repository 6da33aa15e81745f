//! Bitcoin Core's verdict on every case is the one that the case says.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tipward_oracle::{Oracle, Outcome};
use tipward_primitives::Network;
use tipward_testkit::build::to_raw;
use tipward_testkit::cases::{self, Verdict};
use tipward_testkit::generate::{ChainGenerator, ChainOptions};

#[test]
fn bitcoin_core_judges_every_case_as_it_says() {
    let options = ChainOptions {
        transactions: 0..=8,
        ..ChainOptions::mixed(9, 120, 0)
    };
    let mut chain = ChainGenerator::new(options);
    let mut oracle = Oracle::new(Network::Regtest).unwrap();
    for raw in chain.by_ref() {
        assert_eq!(oracle.process_block(raw.bytes()).refused, []);
    }
    let mut branch = chain.branch().clone();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut wrong = Vec::new();
    for case in cases::all() {
        branch.set_number(branch.number() + 1);
        let Some(block) = case.build(&branch, &mut rng) else {
            wrong.push(format!("{}: no block", case.name));
            continue;
        };
        let answer = oracle.process_block(to_raw(&block).bytes());
        let got = match &answer.refused[..] {
            [] if answer.connected == [block.block_hash()] => Verdict::Valid,
            [refusal] if answer.connected.is_empty() => Verdict::Refused(refusal.reason.clone()),
            _ => panic!("{}: {answer:?}", case.name),
        };
        if got != case.verdict {
            wrong.push(format!("{}: {:?}, not {got:?}", case.name, case.verdict));
        }
        if got == Verdict::Valid {
            assert_eq!(answer.outcome, Outcome::Stored);
            branch.accept(&block);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
