//! What an input costs above the bare verification of its signatures, on a block shaped like the main network's.

use std::collections::HashMap;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_consensus::{ParsedBlock, script_flags};
use tipward_primitives::bitcoin::key::{Keypair, XOnlyPublicKey};
use tipward_primitives::bitcoin::secp256k1::{
    Message, PublicKey, Secp256k1, SecretKey, ecdsa, schnorr,
};
use tipward_primitives::bitcoin::{Block, OutPoint, TxOut, consensus::deserialize};
use tipward_script::{PreparedTx, SpentOutput};
use tipward_testkit::mainnet::{MainnetChain, MainnetOptions, Totals};

/// A full block, with what each of its transactions spends.
struct FullBlock {
    parsed: ParsedBlock,
    spent: Vec<Vec<TxOut>>,
    totals: Totals,
    flags: tipward_script::ScriptFlags,
}

impl FullBlock {
    fn new() -> Self {
        let options = MainnetOptions {
            blocks: 1,
            coins: 20_000,
            tail: 0,
            ..MainnetOptions::default()
        };
        let mut chain = MainnetChain::new(options);
        let mut outputs: HashMap<OutPoint, TxOut> = HashMap::new();
        let mut last = None;
        for raw in chain.by_ref() {
            let block: Block = deserialize(raw.bytes()).expect("a block");
            for tx in &block.txdata {
                let txid = tx.compute_txid();
                outputs.extend(
                    (0..)
                        .zip(&tx.output)
                        .map(|(vout, output)| (OutPoint::new(txid, vout), output.clone())),
                );
            }
            last = Some((raw, block));
        }
        let (raw, block) = last.expect("there is a full block");
        let spent = block.txdata[1..]
            .iter()
            .map(|tx| {
                let spent = tx.input.iter();
                spent
                    .map(|input| outputs[&input.previous_output].clone())
                    .collect()
            })
            .collect();
        Self {
            flags: script_flags(chain.params(), chain.height(), &chain.tip_hash()),
            parsed: ParsedBlock::parse(raw).expect("a block"),
            spent,
            totals: *chain.totals(),
        }
    }

    fn prepare(&self) -> Vec<PreparedTx> {
        let transactions = self.parsed.transactions().skip(1);
        transactions
            .zip(&self.spent)
            .map(|(tx, spent)| {
                let spent = spent.iter().map(|output| SpentOutput {
                    value: output.value.to_sat() as i64,
                    script_pubkey: output.script_pubkey.as_bytes(),
                });
                PreparedTx::new(tx.bytes(), spent).expect("a transaction")
            })
            .collect()
    }
}

/// A signature of each kind as it stands in a witness, for so many different keys and messages.
struct Signatures {
    ecdsa: Vec<(Message, Vec<u8>, [u8; 33])>,
    schnorr: Vec<(Message, [u8; 64], [u8; 32])>,
}

impl Signatures {
    fn new(count: u32) -> Self {
        let secp = Secp256k1::new();
        let mut this = Self {
            ecdsa: Vec::new(),
            schnorr: Vec::new(),
        };
        for number in 1..=count {
            let mut secret = [1; 32];
            secret[..4].copy_from_slice(&number.to_be_bytes());
            let secret = SecretKey::from_slice(&secret).expect("a key");
            let pair = Keypair::from_secret_key(&secp, &secret);
            let message = Message::from_digest([number as u8; 32]);
            let signature = secp.sign_ecdsa_low_r(&message, &secret);
            let der = signature.serialize_der().to_vec();
            this.ecdsa
                .push((message, der, pair.public_key().serialize()));
            let signature = secp.sign_schnorr_no_aux_rand(&message, &pair);
            let key = pair.x_only_public_key().0.serialize();
            this.schnorr.push((message, signature.serialize(), key));
        }
        this
    }
}

fn overhead(c: &mut Criterion) {
    let block = FullBlock::new();
    let totals = block.totals;
    eprintln!("{totals:?}");
    let mut group = c.benchmark_group("a full block");
    group.sample_size(10);
    group.throughput(Throughput::Elements(totals.inputs));
    group.bench_function("prepare its transactions", |b| b.iter(|| block.prepare()));
    group.bench_function("check its inputs", |b| {
        b.iter_batched_ref(
            || block.prepare(),
            |prepared| {
                for tx in prepared {
                    for input in 0..tx.input_count() {
                        tx.verify_input(input, block.flags).expect("a valid block");
                    }
                }
            },
            BatchSize::PerIteration,
        );
    });
    let signatures = Signatures::new(2_000);
    let secp = Secp256k1::verification_only();
    group.bench_function("verify as many signatures with libsecp256k1 alone", |b| {
        b.iter(|| {
            let some = signatures.ecdsa.iter().cycle();
            for (message, der, key) in some.take(totals.ecdsa as usize) {
                let key = PublicKey::from_slice(key).expect("a key");
                let mut signature = ecdsa::Signature::from_der(der).expect("a signature");
                signature.normalize_s();
                secp.verify_ecdsa(message, &signature, &key)
                    .expect("it is right");
            }
            let some = signatures.schnorr.iter().cycle();
            for (message, signature, key) in some.take(totals.schnorr as usize) {
                let key = XOnlyPublicKey::from_slice(key).expect("a key");
                let signature = schnorr::Signature::from_slice(signature).expect("a signature");
                secp.verify_schnorr(&signature, message, &key)
                    .expect("it is right");
            }
        });
    });
    group.finish();
}

criterion_group!(benches, overhead);
criterion_main!(benches);
