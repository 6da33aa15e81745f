use std::collections::HashMap;

use bitcoin::consensus::deserialize;
use bitcoin::hashes::{Hash as _, sha256};

use super::*;
use crate::generate::tests::Ledger;

fn small(threads: usize) -> MainnetOptions {
    MainnetOptions {
        seed: 7,
        blocks: 4,
        coins: 3_000,
        tail: 3,
        weight: 400_000,
        keys: 100,
        threads: NonZeroUsize::new(threads).unwrap(),
        ..MainnetOptions::default()
    }
}

#[test]
fn a_chain_keeps_every_rule_that_needs_no_script() {
    let mut ledger = Ledger::new();
    let options = small(2);
    let mut chain = MainnetChain::new(options.clone());
    let mut before = 0;
    while let Some(block) = chain.next() {
        ledger.connect(&block);
        if chain.height() + 1 == options.first_full() {
            before = chain.coins();
        }
    }
    assert_eq!(chain.height(), options.tip());
    assert_eq!(options.first_full(), 102);
    // What is left of the coinbases that were split comes on top.
    assert!((3_000..3_010).contains(&before), "{before} coins");

    // Coins that the ledger knows and the chain does not: data and commitments, and young coinbases.
    let unspendable = ledger.coins.values().filter(|coin| coin.0.to_sat() == 0);
    let known = ledger.coins.len() - unspendable.count();
    assert_eq!(known as u64, chain.coins() + 100);
}

#[test]
fn full_blocks_are_full_and_the_others_are_not() {
    let mut ledger = Ledger::new();
    let options = small(1);
    for block in MainnetChain::new(options.clone()) {
        ledger.connect(&block);
    }
    let (first, last) = (options.first_full(), options.last_full());
    for (height, weight) in (1..).zip(&ledger.weights) {
        if (first..=last).contains(&height) {
            assert!(
                (380_000..=400_000).contains(weight),
                "{weight} at height {height}"
            );
        } else if height != first - 1 {
            assert!(*weight < 2_000, "{weight} at height {height}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_however_many_threads_sign() {
    let digests = [1, 2, 3].map(|threads| {
        let mut bytes = Vec::new();
        for block in MainnetChain::new(small(threads)) {
            bytes.extend_from_slice(block.bytes());
        }
        sha256::Hash::hash(&bytes)
    });
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);

    let mut another = small(2);
    another.seed += 1;
    let first = |options| MainnetChain::new(options).nth(100).unwrap();
    assert_ne!(first(another).bytes(), first(small(2)).bytes());
}

#[test]
fn coins_are_guarded_and_spent_by_the_kinds_of_scripts_in_their_shares() {
    let options = MainnetOptions {
        weight: 2_000_000,
        coins: 6_000,
        blocks: 2,
        ..small(2)
    };
    let mut ledger = Ledger::new();
    let mut chain = MainnetChain::new(options.clone());
    let mut witnesses: HashMap<usize, usize> = HashMap::new();
    let mut seen = 0;
    while let Some(block) = chain.next() {
        if chain.height() == options.first_full() {
            ledger.spent.clear();
        }
        ledger.connect(&block);
        if chain.height() >= options.first_full() {
            let block: Block = deserialize(block.bytes()).unwrap();
            for input in block.txdata.iter().skip(1).flat_map(|tx| &tx.input) {
                *witnesses.entry(input.witness.len()).or_default() += 1;
                seen += 1;
            }
        }
    }
    let of = |is: fn(&bitcoin::TxOut) -> bool| {
        100.0 * ledger.spent.iter().filter(|o| is(o)).count() as f64 / ledger.spent.len() as f64
    };
    let share = |wanted: &[ScriptKind]| -> f64 {
        let shares = SHARES.iter().filter(|(kind, _)| wanted.contains(kind));
        shares.map(|(_, share)| f64::from(*share)).sum()
    };
    assert!(ledger.spent.len() > 3_000, "{} inputs", ledger.spent.len());
    for (found, wanted) in [
        (
            of(|o| o.script_pubkey.is_p2wpkh()),
            share(&[ScriptKind::WitnessPubkeyHash]),
        ),
        (
            of(|o| o.script_pubkey.is_p2pkh()),
            share(&[ScriptKind::PubkeyHash]),
        ),
        (
            of(|o| o.script_pubkey.is_p2sh()),
            share(&[ScriptKind::NestedWitnessPubkeyHash]),
        ),
        (
            of(|o| o.script_pubkey.is_p2wsh()),
            share(&[ScriptKind::WitnessMultisig]),
        ),
        (
            of(|o| o.script_pubkey.is_p2tr()),
            share(&[ScriptKind::TaprootKey, ScriptKind::TaprootInscription]),
        ),
        // One witness item is a signature by the key, three are a signature, a leaf and where that is.
        (
            100.0 * witnesses[&1] as f64 / f64::from(seen),
            share(&[ScriptKind::TaprootKey]),
        ),
        (
            100.0 * witnesses[&3] as f64 / f64::from(seen),
            share(&[ScriptKind::TaprootInscription]),
        ),
    ] {
        // Four times the deviation of a share of a half among 3,000.
        assert!((found - wanted).abs() < 3.7, "{found} % not {wanted} %");
    }
}

#[test]
fn what_the_full_blocks_hold_is_added_up() {
    let options = small(2);
    let mut chain = MainnetChain::new(options.clone());
    let (mut transactions, mut inputs, mut bytes) = (0, 0, 0);
    let mut last_full = chain.tip_hash();
    while let Some(raw) = chain.next() {
        if !(options.first_full()..=options.last_full()).contains(&chain.height()) {
            continue;
        }
        let block: Block = deserialize(raw.bytes()).unwrap();
        transactions += block.txdata.len() as u64 - 1;
        inputs += block.txdata[1..]
            .iter()
            .map(|tx| tx.input.len() as u64)
            .sum::<u64>();
        bytes += raw.size() as u64;
        last_full = raw.block_hash();
    }
    let totals = chain.totals();
    assert_eq!(
        (totals.transactions, totals.inputs, totals.bytes),
        (transactions, inputs, bytes)
    );
    assert!(totals.ecdsa + totals.schnorr >= inputs);
    assert_eq!(chain.last_full(), last_full);
}
