//! Solutions of signets' blocks: the first ones of the public signet, and blocks that are signed here.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use tipward_consensus::header::check_proof_of_work;
use tipward_consensus::{
    BlockContext, CheckError, ParsedBlock, Reject, RejectKind, check_block_with,
};
use tipward_primitives::bitcoin::consensus::{deserialize, serialize};
use tipward_primitives::bitcoin::hashes::Hash as _;
use tipward_primitives::bitcoin::hex::FromHex as _;
use tipward_primitives::bitcoin::key::Secp256k1;
use tipward_primitives::bitcoin::opcodes::all::OP_CHECKSIG;
use tipward_primitives::bitcoin::script::{Builder, PushBytesBuf};
use tipward_primitives::bitcoin::secp256k1::{Message, SecretKey};
use tipward_primitives::bitcoin::sighash::SighashCache;
use tipward_primitives::bitcoin::{Block, EcdsaSighashType, PublicKey, Script, ScriptBuf};
use tipward_primitives::{BlockHash, BlockVersion, Network, Params, RawBlock};
use tipward_script::check_signet_solution;

/// Blocks 1 to 4 of the public signet, one a line.
const BLOCKS: &str = include_str!("blocks.txt");

fn public_blocks() -> Vec<Block> {
    let read = |line| deserialize(&Vec::from_hex(line).unwrap()).unwrap();
    BLOCKS.lines().map(read).collect()
}

fn public_challenge() -> ScriptBuf {
    Params::new(Network::Signet).signet_challenge.unwrap()
}

fn raw(block: &Block) -> RawBlock {
    RawBlock::new(Bytes::from(serialize(block))).unwrap()
}

/// The solution alone.
fn solution(block: &Block, challenge: &Script) -> Result<(), Reject> {
    let parsed = ParsedBlock::parse(raw(block)).unwrap();
    check_signet_solution(challenge, &parsed).map_err(reject)
}

/// Everything that the check of a block's body looks at.
fn check(block: &Block, height: u32, challenge: &Script) -> Result<(), Reject> {
    let params = Params::new(Network::Signet);
    let context = BlockContext::new(&params, block.header, height, 0);
    let checked = check_block_with(&context, raw(block), |parsed| {
        check_signet_solution(challenge, parsed)
    });
    checked.map(drop).map_err(reject)
}

fn reject<F: std::fmt::Display>(error: CheckError<F>) -> Reject {
    match error {
        CheckError::Reject(reject) => reject,
        CheckError::Fault(fault) => panic!("{fault}"),
    }
}

#[track_caller]
fn refused(verdict: Result<(), Reject>, kind: RejectKind) {
    let reject = verdict.unwrap_err();
    assert_eq!((&*reject.reason, reject.kind), ("bad-signet-blksig", kind));
}

/// Sets the merkle root of a block whose transactions were changed.
fn commit(block: &mut Block) {
    block.header.merkle_root = block.compute_merkle_root().unwrap();
}

#[test]
fn the_first_blocks_of_the_public_signet_satisfy_its_challenge() {
    let params = Params::new(Network::Signet);
    let mut parent = params.genesis_hash;
    for (block, height) in public_blocks().iter().zip(1..) {
        assert_eq!(block.header.prev_blockhash, parent);
        parent = block.block_hash();
        check_proof_of_work(&params, parent, block.header.bits).unwrap();
        check(block, height, &public_challenge()).unwrap();
    }
}

#[test]
fn another_challenge_is_not_satisfied_by_them() {
    // Both keys instead of one of two.
    let mut both = public_challenge().into_bytes();
    both[0] += 1;
    for block in public_blocks() {
        refused(
            solution(&block, Script::from_bytes(&both)),
            RejectKind::Consensus,
        );
        refused(
            check(&block, 1, Script::from_bytes(&both)),
            RejectKind::Consensus,
        );
    }
}

#[test]
fn what_a_solution_signs_cannot_be_changed() {
    let block = public_blocks().remove(0);
    let challenge = public_challenge();
    let changes: [fn(&mut Block); 5] = [
        |block| block.header.version = BlockVersion::from_consensus(7),
        |block| block.header.prev_blockhash = BlockHash::from_byte_array([1; 32]),
        |block| block.header.time += 1,
        |block| block.txdata[0].output[0].value -= tipward_primitives::bitcoin::Amount::ONE_SAT,
        // The last byte of the signature, before its empty rest and the witness.
        |block| {
            let mut script = block.txdata[0].output[1].script_pubkey.to_bytes();
            let at = script.len() - 4;
            script[at] ^= 1;
            block.txdata[0].output[1].script_pubkey = script.into();
        },
    ];
    solution(&block, &challenge).unwrap();
    for change in changes {
        let mut changed = block.clone();
        change(&mut changed);
        refused(solution(&changed, &challenge), RejectKind::Consensus);
    }
}

#[test]
fn what_a_solution_does_not_sign_can_be() {
    let mut block = public_blocks().remove(0);
    block.header.nonce += 1;
    block.txdata[0].input[0].witness.clear();
    solution(&block, &public_challenge()).unwrap();
}

#[test]
fn a_body_that_is_not_the_headers_condemns_no_header() {
    let mut block = public_blocks().remove(0);
    block.txdata[0].output[0].value += tipward_primitives::bitcoin::Amount::ONE_SAT;
    refused(check(&block, 1, &public_challenge()), RejectKind::Mutated);
    commit(&mut block);
    refused(check(&block, 1, &public_challenge()), RejectKind::Consensus);
}

#[test]
fn the_genesis_block_satisfies_every_challenge() {
    let genesis = Params::new(Network::Signet).genesis;
    solution(&genesis, Script::from_bytes(&[0x6a])).unwrap();
}

#[test]
fn a_challenge_that_anybody_satisfies_needs_no_solution() {
    let mut block = public_blocks().remove(0);
    let anybody = Script::from_bytes(&[0x51]);
    set_solution(&mut block, None);
    solution(&block, anybody).unwrap();
    refused(solution(&block, &public_challenge()), RejectKind::Consensus);
    // A signature that nobody asked for leaves more than one element: fine in a script without a witness.
    set_solution(&mut block, Some(&[1, 0x51, 0]));
    solution(&block, anybody).unwrap();
    // A witness is not.
    set_solution(&mut block, Some(&[0, 1, 1, 7]));
    refused(solution(&block, anybody), RejectKind::Consensus);
}

/// The coinbase's commitment with this solution, or with none.
fn set_solution(block: &mut Block, solution: Option<&[u8]>) {
    let output = &mut block.txdata[0].output[1];
    let mut script = ScriptBuf::from(output.script_pubkey.as_bytes()[..38].to_vec());
    if let Some(solution) = solution {
        let push = [&[0xec, 0xc7, 0xda, 0xa2], solution].concat();
        script.push_slice(PushBytesBuf::try_from(push).unwrap());
    }
    output.script_pubkey = script;
    commit(block);
}

#[test]
fn a_block_that_is_signed_with_the_challenges_key_satisfies_it() {
    let secp = Secp256k1::new();
    let key = SecretKey::from_slice(&[7; 32]).unwrap();
    let challenge = Builder::new()
        .push_key(&PublicKey::new(key.public_key(&secp)))
        .push_opcode(OP_CHECKSIG)
        .into_script();
    let mut block = public_blocks().remove(0);
    // What is signed has the solution's place in it, and the solution left out of it.
    set_solution(&mut block, Some(&[0, 0]));
    let parsed = ParsedBlock::parse(raw(&block)).unwrap();
    let made = tipward_consensus::signet::solution_transactions(&parsed, &challenge).unwrap();
    let all = EcdsaSighashType::All;
    let hash = SighashCache::new(&made.to_sign)
        .legacy_signature_hash(0, &challenge, all.to_u32())
        .unwrap();
    let mut signature = secp
        .sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &key)
        .serialize_der()
        .to_vec();
    signature.push(all as u8);
    let script_sig = Builder::new()
        .push_slice(PushBytesBuf::try_from(signature).unwrap())
        .into_script();
    let signed = [serialize(&script_sig), vec![0]].concat();

    refused(solution(&block, &challenge), RejectKind::Consensus);
    set_solution(&mut block, Some(&signed));
    solution(&block, &challenge).unwrap();
    let mut wrong = signed.clone();
    wrong[20] ^= 1;
    set_solution(&mut block, Some(&wrong));
    refused(solution(&block, &challenge), RejectKind::Consensus);
}
