//! `tipward bench signatures`: the floor of a full verification, which is what libsecp256k1 alone takes for as many
//! signatures as a chain has.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use bitcoin::key::{Keypair, TapTweak as _, XOnlyPublicKey};
use bitcoin::secp256k1::{
    All, Message, Parity, PublicKey, Scalar, Secp256k1, SecretKey, ecdsa, schnorr,
};
use clap::Args;

use super::process;
use super::series::Spread;
use crate::config::Options;
use crate::generate::mainnet::ChainNote;

/// Different keys and messages, which are verified again and again: they fit into no processor's first cache.
const SAMPLES: u32 = 4_000;

/// Options of `tipward bench signatures`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward bench signatures --blocks chain.dat")]
pub struct SignaturesArgs {
    /// Chain whose signatures are counted, as `tipward generate --shape mainnet` writes it
    #[arg(long, value_name = "FILE")]
    pub blocks: PathBuf,

    /// Runs
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
}

/// Everything about one key as it stands in a transaction.
struct Sample {
    message: Message,
    key: [u8; 33],
    der: Vec<u8>,
    x_only: [u8; 32],
    schnorr: [u8; 64],
    /// The key of an output that commits to a tree by this.
    output: [u8; 32],
    parity: Parity,
    tweak: Scalar,
}

/// How many of each are verified.
#[derive(Clone, Copy)]
struct Counts {
    ecdsa: u64,
    schnorr: u64,
    commitments: u64,
}

/// Measures and prints.
pub(super) fn run(args: &SignaturesArgs, options: &Options) -> anyhow::Result<()> {
    let note = ChainNote::read(&args.blocks)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = match options.par.and_then(|par| usize::try_from(par).ok()) {
        None | Some(0) => cores,
        Some(par) => par,
    };
    let secp = Secp256k1::new();
    let samples: Vec<Sample> = (1..=SAMPLES).map(|n| Sample::new(&secp, n)).collect();
    let counts = Counts {
        ecdsa: note.ecdsa,
        schnorr: note.schnorr,
        commitments: note.commitments,
    };
    println!(
        "{} ECDSA signatures, {} Schnorr signatures, {} taproot commitments, {threads} threads",
        counts.ecdsa, counts.schnorr, counts.commitments
    );
    let mut walls = Vec::new();
    for round in 1..=args.rounds {
        let cpu = cpu_seconds();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads as u64 {
                let share = counts.share(thread, threads as u64);
                let (secp, samples) = (&secp, &samples);
                scope.spawn(move || share.verify(secp, samples));
            }
        });
        let wall = begun.elapsed().as_secs_f64();
        println!(
            "round {round}: {wall:.2} s, {:.2} CPU s",
            cpu_seconds() - cpu
        );
        walls.push(wall);
    }
    let Spread {
        median,
        least,
        most,
    } = Spread::of(walls);
    let inputs = note.inputs.max(1) as f64;
    println!(
        "{median:.2} s ({least:.2} .. {most:.2}) for the signatures of {} inputs: {:.1} µs an input",
        note.inputs,
        median / inputs * 1e6
    );
    Ok(())
}

fn cpu_seconds() -> f64 {
    process::cpu_seconds(std::process::id()).unwrap_or_default()
}

impl Sample {
    fn new(secp: &Secp256k1<All>, number: u32) -> Self {
        let mut secret = [1; 32];
        secret[..4].copy_from_slice(&number.to_be_bytes());
        let secret = SecretKey::from_slice(&secret).expect("it is a key");
        let pair = Keypair::from_secret_key(secp, &secret);
        let mut digest = [7; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        let message = Message::from_digest(digest);
        let internal = pair.x_only_public_key().0;
        let (output, parity) = internal.tap_tweak(secp, None);
        let tweak = bitcoin::TapTweakHash::from_key_and_tweak(internal, None).to_scalar();
        Self {
            key: pair.public_key().serialize(),
            der: secp
                .sign_ecdsa_low_r(&message, &secret)
                .serialize_der()
                .to_vec(),
            x_only: internal.serialize(),
            schnorr: secp.sign_schnorr_no_aux_rand(&message, &pair).serialize(),
            output: output.serialize(),
            message,
            parity,
            tweak,
        }
    }

    fn verify_ecdsa(&self, secp: &Secp256k1<All>) -> bool {
        let (Ok(key), Ok(mut signature)) = (
            PublicKey::from_slice(&self.key),
            ecdsa::Signature::from_der(&self.der),
        ) else {
            return false;
        };
        signature.normalize_s();
        secp.verify_ecdsa(&self.message, &signature, &key).is_ok()
    }

    fn verify_schnorr(&self, secp: &Secp256k1<All>) -> bool {
        let (Ok(key), Ok(signature)) = (
            XOnlyPublicKey::from_slice(&self.x_only),
            schnorr::Signature::from_slice(&self.schnorr),
        ) else {
            return false;
        };
        secp.verify_schnorr(&signature, &self.message, &key).is_ok()
    }

    fn verify_commitment(&self, secp: &Secp256k1<All>) -> bool {
        let (Ok(internal), Ok(output)) = (
            XOnlyPublicKey::from_slice(&self.x_only),
            XOnlyPublicKey::from_slice(&self.output),
        ) else {
            return false;
        };
        internal.tweak_add_check(secp, &output, self.parity, self.tweak)
    }
}

impl Counts {
    /// One thread's part.
    fn share(&self, thread: u64, threads: u64) -> Self {
        let part = |all: u64| all / threads + u64::from(thread < all % threads);
        Self {
            ecdsa: part(self.ecdsa),
            schnorr: part(self.schnorr),
            commitments: part(self.commitments),
        }
    }

    fn verify(&self, secp: &Secp256k1<All>, samples: &[Sample]) {
        let some = |count: u64| samples.iter().cycle().take(count as usize);
        let right = some(self.ecdsa).all(|sample| sample.verify_ecdsa(secp))
            && some(self.schnorr).all(|sample| sample.verify_schnorr(secp))
            && some(self.commitments).all(|sample| sample.verify_commitment(secp));
        assert!(right, "what was signed here is signed");
    }
}

#[cfg(test)]
mod tests;
