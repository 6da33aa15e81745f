//! Keys, the scripts that they guard coins with, and signatures.

use std::collections::HashMap;

use bitcoin::hashes::Hash as _;
use bitcoin::key::{Keypair, TapTweak as _, TweakedKeypair};
use bitcoin::opcodes::all::{
    OP_CHECKMULTISIG, OP_CHECKSIG, OP_CHECKSIGADD, OP_CLTV, OP_CSV, OP_DROP, OP_NUMEQUAL,
};
use bitcoin::script::{Builder, PushBytesBuf, Script};
use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Annex, EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash, TaprootBuilder, TaprootSpendInfo};
use bitcoin::{
    Amount, PubkeyHash, ScriptBuf, Transaction, TxOut, WPubkeyHash, Witness, ecdsa, taproot,
};
use rand::{Rng, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tipward_primitives::Height;

use super::inscription;

/// Keys are made once and used again and again: making one costs as much as a signature.
const KEYS: usize = 12;

/// Lock time, a height, of every [`ScriptKind::LockTime`]: no coin can be spent earlier anyway.
pub(crate) const LOCK_HEIGHT: Height = 100;

/// Blocks that a coin under [`ScriptKind::RelativeLock`] must be old.
pub(crate) const LOCK_AGE: Height = 3;

/// How a coin is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScriptKind {
    /// A public key.
    Pubkey,
    /// The hash of a public key.
    PubkeyHash,
    /// Two of three public keys, as they are.
    Multisig,
    /// Two of three public keys behind the hash of a script (BIP16).
    ScriptHashMultisig,
    /// A witness program for the hash of a public key behind the hash of a script (BIP141).
    NestedWitnessPubkeyHash,
    /// Two of three public keys as a witness script behind the hash of a script (BIP141).
    NestedWitnessMultisig,
    /// The witness program for the hash of a public key (BIP141).
    WitnessPubkeyHash,
    /// Two of three public keys as a witness script (BIP141).
    WitnessMultisig,
    /// Taproot, spent by its key (BIP341).
    TaprootKey,
    /// Taproot, spent by a leaf with one key (BIP342).
    TaprootScript,
    /// Taproot, spent by a leaf that adds up the signatures of two keys (BIP342).
    TaprootMultisig,
    /// A witness script with a lock time (BIP65).
    LockTime,
    /// A script behind its hash with a relative lock time (BIP112).
    RelativeLock,
    /// Taproot, spent by a leaf with one key and some data that is never executed, as inscriptions are.
    TaprootInscription,
}

impl ScriptKind {
    /// One of each era.
    pub const FEW: [Self; 3] = [Self::PubkeyHash, Self::WitnessPubkeyHash, Self::TaprootKey];

    /// Every kind but inscriptions, which are large.
    pub const ALL: [Self; 13] = [
        Self::Pubkey,
        Self::PubkeyHash,
        Self::Multisig,
        Self::ScriptHashMultisig,
        Self::NestedWitnessPubkeyHash,
        Self::NestedWitnessMultisig,
        Self::WitnessPubkeyHash,
        Self::WitnessMultisig,
        Self::TaprootKey,
        Self::TaprootScript,
        Self::TaprootMultisig,
        Self::LockTime,
        Self::RelativeLock,
    ];

    /// Blocks that a coin must be old before it can be spent.
    pub(crate) fn min_age(self) -> Height {
        match self {
            Self::RelativeLock => LOCK_AGE,
            _ => 0,
        }
    }

    fn is_taproot(self) -> bool {
        matches!(
            self,
            Self::TaprootKey
                | Self::TaprootScript
                | Self::TaprootMultisig
                | Self::TaprootInscription
        )
    }
}

/// Three key pairs, and what is made of them.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) kind: ScriptKind,
    pub(crate) pairs: [Keypair; 3],
    /// What coins are guarded with.
    pub(crate) script: ScriptBuf,
    /// The script behind a hash or in a leaf; empty if there is none.
    inner: ScriptBuf,
    tweaked: TweakedKeypair,
    tree: Option<TaprootSpendInfo>,
    sighash: EcdsaSighashType,
}

impl Key {
    fn new(
        secp: &Secp256k1<All>,
        pairs: [Keypair; 3],
        kind: ScriptKind,
        sighash: EcdsaSighashType,
    ) -> Self {
        let [first, ..] = &pairs;
        let public = first.public_key();
        let hash = WPubkeyHash::hash(&public.serialize());
        let inner = match kind {
            ScriptKind::NestedWitnessPubkeyHash => ScriptBuf::new_p2wpkh(&hash),
            ScriptKind::Multisig
            | ScriptKind::ScriptHashMultisig
            | ScriptKind::NestedWitnessMultisig
            | ScriptKind::WitnessMultisig => multisig(&pairs),
            ScriptKind::TaprootScript => single_leaf(first),
            ScriptKind::TaprootMultisig => adding_leaf(&pairs),
            ScriptKind::TaprootInscription => inscription::leaf(first),
            ScriptKind::LockTime => Builder::new()
                .push_int(i64::from(LOCK_HEIGHT))
                .push_opcode(OP_CLTV)
                .push_opcode(OP_DROP)
                .push_slice(public.serialize())
                .push_opcode(OP_CHECKSIG)
                .into_script(),
            ScriptKind::RelativeLock => Builder::new()
                .push_int(i64::from(LOCK_AGE))
                .push_opcode(OP_CSV)
                .push_opcode(OP_DROP)
                .push_slice(public.serialize())
                .push_opcode(OP_CHECKSIG)
                .into_script(),
            ScriptKind::Pubkey
            | ScriptKind::PubkeyHash
            | ScriptKind::WitnessPubkeyHash
            | ScriptKind::TaprootKey => ScriptBuf::new(),
        };
        let tree = match kind {
            ScriptKind::TaprootScript | ScriptKind::TaprootMultisig => Some(tree(secp, &pairs)),
            ScriptKind::TaprootInscription => Some(single(secp, &inner, &pairs[2])),
            _ => None,
        };
        let tweaked = first.tap_tweak(secp, None);
        let script = match kind {
            ScriptKind::Pubkey => ScriptBuf::new_p2pk(&public.into()),
            ScriptKind::PubkeyHash => ScriptBuf::new_p2pkh(&PubkeyHash::hash(&public.serialize())),
            ScriptKind::Multisig => inner.clone(),
            ScriptKind::ScriptHashMultisig
            | ScriptKind::NestedWitnessPubkeyHash
            | ScriptKind::RelativeLock => inner.to_p2sh(),
            ScriptKind::NestedWitnessMultisig => inner.to_p2wsh().to_p2sh(),
            ScriptKind::WitnessPubkeyHash => ScriptBuf::new_p2wpkh(&hash),
            ScriptKind::WitnessMultisig | ScriptKind::LockTime => inner.to_p2wsh(),
            ScriptKind::TaprootKey => ScriptBuf::new_p2tr_tweaked(tweaked.public_parts().0),
            ScriptKind::TaprootScript
            | ScriptKind::TaprootMultisig
            | ScriptKind::TaprootInscription => {
                let tree = tree.as_ref().expect("these kinds have a tree");
                ScriptBuf::new_p2tr_tweaked(tree.output_key())
            }
        };
        Self {
            kind,
            pairs,
            script,
            inner,
            tweaked,
            tree,
            sighash,
        }
    }
}

impl Key {
    /// A change of an output makes a signature by this key wrong.
    pub(crate) fn commits_to_outputs(&self) -> bool {
        matches!(
            self.sighash,
            EcdsaSighashType::All | EcdsaSighashType::AllPlusAnyoneCanPay
        )
    }
}

/// All keys of a chain's wallet.
#[derive(Debug)]
pub(crate) struct Keyring {
    secp: Secp256k1<All>,
    keys: Vec<Key>,
    by_script: HashMap<ScriptBuf, usize>,
    /// Signatures are made again until their R is short, as wallets of today do.
    low_r: bool,
}

impl Keyring {
    /// Some keys of each of `kinds`.
    pub(crate) fn new(seed: u64, kinds: &[ScriptKind]) -> Self {
        // Signatures commit to the rest of a transaction in different ways, the usual one mostly.
        const SIGHASHES: [EcdsaSighashType; 7] = [
            EcdsaSighashType::All,
            EcdsaSighashType::All,
            EcdsaSighashType::None,
            EcdsaSighashType::All,
            EcdsaSighashType::Single,
            EcdsaSighashType::All,
            EcdsaSighashType::AllPlusAnyoneCanPay,
        ];
        let count = KEYS.max(2 * kinds.len());
        let wanted = |index| {
            let sighash = SIGHASHES[index % SIGHASHES.len()];
            (kinds[index % kinds.len()], sighash)
        };
        Self::of(seed, (0..count).map(wanted), false)
    }

    /// A key for each of `kinds`, all of which sign as wallets do: for the whole transaction, and with a short R.
    pub(crate) fn usual(seed: u64, kinds: impl IntoIterator<Item = ScriptKind>) -> Self {
        let wanted = kinds.into_iter().map(|kind| (kind, EcdsaSighashType::All));
        Self::of(seed, wanted, true)
    }

    fn of(
        seed: u64,
        wanted: impl Iterator<Item = (ScriptKind, EcdsaSighashType)>,
        low_r: bool,
    ) -> Self {
        // Another stream than that of the chain itself.
        let mut rng = ChaCha8Rng::seed_from_u64(!seed);
        let secp = Secp256k1::new();
        let keys: Vec<Key> = wanted
            .map(|(kind, sighash)| {
                let pairs = [(); 3].map(|()| Keypair::from_secret_key(&secp, &secret(&mut rng)));
                Key::new(&secp, pairs, kind, sighash)
            })
            .collect();
        let by_script = (0..).zip(&keys).map(|(i, key)| (key.script.clone(), i));
        Self {
            by_script: by_script.collect(),
            secp,
            keys,
            low_r,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn key(&self, index: usize) -> &Key {
        &self.keys[index]
    }

    /// Number of the key that guards coins under `script`.
    pub(crate) fn find(&self, script: &Script) -> Option<usize> {
        self.by_script.get(script).copied()
    }

    /// Whether an input under this key can have an annex.
    pub(crate) fn is_taproot(&self, index: usize) -> bool {
        self.keys[index].kind.is_taproot()
    }

    /// Signs every input of `transaction`, which spends `coins`: the number of the key and the value of each. An annex
    /// goes to the input with this number, which must be one of taproot's.
    pub(crate) fn sign(
        &self,
        transaction: &mut Transaction,
        coins: &[(usize, Amount)],
        annex: Option<(usize, &[u8])>,
    ) {
        let prevouts: Vec<TxOut> = coins
            .iter()
            .map(|(key, value)| TxOut {
                value: *value,
                script_pubkey: self.keys[*key].script.clone(),
            })
            .collect();
        let mut signed = Vec::with_capacity(prevouts.len());
        let mut signing = Signing {
            secp: &self.secp,
            low_r: self.low_r,
            outputs: transaction.output.len(),
            cache: SighashCache::new(&*transaction),
            prevouts: &prevouts,
            index: 0,
            annex: None,
        };
        for (index, (key, _)) in coins.iter().enumerate() {
            signing.index = index;
            signing.annex = annex.filter(|(at, _)| *at == index).map(|(_, annex)| annex);
            signed.push(signing.input(&self.keys[*key]));
        }
        for (input, (script_sig, witness)) in transaction.input.iter_mut().zip(signed) {
            input.script_sig = script_sig;
            input.witness = witness;
        }
    }
}

/// What signing one input takes.
struct Signing<'a> {
    secp: &'a Secp256k1<All>,
    low_r: bool,
    outputs: usize,
    cache: SighashCache<&'a Transaction>,
    prevouts: &'a [TxOut],
    index: usize,
    annex: Option<&'a [u8]>,
}

const OWN_INPUT: &str = "the input is one of the transaction's";

impl Signing<'_> {
    fn input(&mut self, key: &Key) -> (ScriptBuf, Witness) {
        let [first, _, third] = &key.pairs;
        let public = first.public_key().serialize();
        let inner = key.inner.as_bytes();
        let legacy = |pushes: &[&[u8]]| (script_of(pushes), Witness::new());
        let segwit = |items: &[&[u8]]| (ScriptBuf::new(), Witness::from_slice(items));
        match key.kind {
            ScriptKind::Pubkey => legacy(&[&self.legacy(key, &key.script, first)]),
            ScriptKind::PubkeyHash => legacy(&[&self.legacy(key, &key.script, first), &public]),
            ScriptKind::Multisig => legacy(&[
                &[],
                &self.legacy(key, &key.script, first),
                &self.legacy(key, &key.script, third),
            ]),
            ScriptKind::ScriptHashMultisig => legacy(&[
                &[],
                &self.legacy(key, &key.inner, first),
                &self.legacy(key, &key.inner, third),
                inner,
            ]),
            ScriptKind::RelativeLock => legacy(&[&self.legacy(key, &key.inner, first), inner]),
            ScriptKind::NestedWitnessPubkeyHash => (
                script_of(&[inner]),
                Witness::from_slice(&[&self.pubkey_hash(key, &key.inner, first)[..], &public]),
            ),
            ScriptKind::WitnessPubkeyHash => {
                segwit(&[&self.pubkey_hash(key, &key.script, first), &public])
            }
            ScriptKind::WitnessMultisig => segwit(&[
                &[],
                &self.witness_script(key, first),
                &self.witness_script(key, third),
                inner,
            ]),
            ScriptKind::NestedWitnessMultisig => (
                script_of(&[key.inner.to_p2wsh().as_bytes()]),
                Witness::from_slice(&[
                    &[][..],
                    &self.witness_script(key, first),
                    &self.witness_script(key, third),
                    inner,
                ]),
            ),
            ScriptKind::LockTime => segwit(&[&self.witness_script(key, first), inner]),
            ScriptKind::TaprootKey => {
                let signature = self.taproot(key, &key.tweaked.to_keypair(), None);
                segwit(&self.annexed(vec![&signature]))
            }
            ScriptKind::TaprootScript | ScriptKind::TaprootInscription => {
                let control = control_block(key);
                let signature = self.taproot(key, first, Some(leaf_hash(key)));
                segwit(&self.annexed(vec![&signature, inner, &control]))
            }
            ScriptKind::TaprootMultisig => {
                let control = control_block(key);
                let leaf = Some(leaf_hash(key));
                let second = self.taproot(key, &key.pairs[1], leaf);
                let first = self.taproot(key, first, leaf);
                segwit(&self.annexed(vec![&second, &first, inner, &control]))
            }
        }
    }

    fn annexed<'b>(&self, mut items: Vec<&'b [u8]>) -> Vec<&'b [u8]>
    where
        Self: 'b,
    {
        items.extend(self.annex);
        items
    }

    /// What the key wants its signatures to commit to, if this input has a counterpart for it.
    fn sighash(&self, key: &Key) -> EcdsaSighashType {
        match key.sighash {
            EcdsaSighashType::Single if self.index >= self.outputs => EcdsaSighashType::All,
            sighash => sighash,
        }
    }

    fn legacy(&self, key: &Key, code: &Script, pair: &Keypair) -> Vec<u8> {
        let sighash = self.sighash(key);
        let hash = self
            .cache
            .legacy_signature_hash(self.index, code, sighash.to_u32())
            .expect(OWN_INPUT);
        self.ecdsa(pair, hash.to_byte_array(), sighash)
    }

    fn pubkey_hash(&mut self, key: &Key, program: &Script, pair: &Keypair) -> Vec<u8> {
        let sighash = self.sighash(key);
        let value = self.prevouts[self.index].value;
        let hash = self
            .cache
            .p2wpkh_signature_hash(self.index, program, value, sighash)
            .expect(OWN_INPUT);
        self.ecdsa(pair, hash.to_byte_array(), sighash)
    }

    fn witness_script(&mut self, key: &Key, pair: &Keypair) -> Vec<u8> {
        let sighash = self.sighash(key);
        let value = self.prevouts[self.index].value;
        let hash = self
            .cache
            .p2wsh_signature_hash(self.index, &key.inner, value, sighash)
            .expect(OWN_INPUT);
        self.ecdsa(pair, hash.to_byte_array(), sighash)
    }

    fn ecdsa(&self, pair: &Keypair, hash: [u8; 32], sighash_type: EcdsaSighashType) -> Vec<u8> {
        let message = Message::from_digest(hash);
        let secret = pair.secret_key();
        let signature = match self.low_r {
            true => self.secp.sign_ecdsa_low_r(&message, &secret),
            false => self.secp.sign_ecdsa(&message, &secret),
        };
        ecdsa::Signature {
            signature,
            sighash_type,
        }
        .to_vec()
    }

    fn taproot(&mut self, key: &Key, pair: &Keypair, leaf: Option<TapLeafHash>) -> Vec<u8> {
        let sighash_type = match self.sighash(key) {
            EcdsaSighashType::All => TapSighashType::Default,
            other => other.into(),
        };
        let annex = self
            .annex
            .map(|annex| Annex::new(annex).expect("an annex begins with 0x50"));
        let prevouts = Prevouts::All(self.prevouts);
        let leaf = leaf.map(|leaf| (leaf, u32::MAX));
        let hash = self
            .cache
            .taproot_signature_hash(self.index, &prevouts, annex, leaf, sighash_type)
            .expect(OWN_INPUT);
        let message = Message::from_digest(hash.to_byte_array());
        taproot::Signature {
            signature: self.secp.sign_schnorr_no_aux_rand(&message, pair),
            sighash_type,
        }
        .to_vec()
    }
}

/// A script that pushes these.
pub(crate) fn script_of(pushes: &[&[u8]]) -> ScriptBuf {
    pushes
        .iter()
        .fold(Builder::new(), |script, push| {
            let push = PushBytesBuf::try_from(push.to_vec()).expect("what is pushed is short");
            script.push_slice(push)
        })
        .into_script()
}

fn multisig(pairs: &[Keypair; 3]) -> ScriptBuf {
    pairs
        .iter()
        .fold(Builder::new().push_int(2), |script, pair| {
            script.push_slice(pair.public_key().serialize())
        })
        .push_int(3)
        .push_opcode(OP_CHECKMULTISIG)
        .into_script()
}

fn single_leaf(pair: &Keypair) -> ScriptBuf {
    Builder::new()
        .push_slice(pair.x_only_public_key().0.serialize())
        .push_opcode(OP_CHECKSIG)
        .into_script()
}

fn adding_leaf([first, second, _]: &[Keypair; 3]) -> ScriptBuf {
    Builder::new()
        .push_slice(first.x_only_public_key().0.serialize())
        .push_opcode(OP_CHECKSIG)
        .push_slice(second.x_only_public_key().0.serialize())
        .push_opcode(OP_CHECKSIGADD)
        .push_int(2)
        .push_opcode(OP_NUMEQUAL)
        .into_script()
}

/// Both leaves side by side, and the third key as the internal one.
fn tree(secp: &Secp256k1<All>, pairs: &[Keypair; 3]) -> TaprootSpendInfo {
    TaprootBuilder::new()
        .add_leaf(1, single_leaf(&pairs[0]))
        .and_then(|tree| tree.add_leaf(1, adding_leaf(pairs)))
        .expect("two leaves of depth one are a tree")
        .finalize(secp, pairs[2].x_only_public_key().0)
        .expect("the tree is complete")
}

/// A leaf that is the whole tree.
fn single(secp: &Secp256k1<All>, leaf: &ScriptBuf, internal: &Keypair) -> TaprootSpendInfo {
    TaprootBuilder::new()
        .add_leaf(0, leaf.clone())
        .expect("one leaf is a tree")
        .finalize(secp, internal.x_only_public_key().0)
        .expect("the tree is complete")
}

fn leaf_hash(key: &Key) -> TapLeafHash {
    TapLeafHash::from_script(&key.inner, LeafVersion::TapScript)
}

fn control_block(key: &Key) -> Vec<u8> {
    let leaf = (key.inner.clone(), LeafVersion::TapScript);
    let tree = key.tree.as_ref();
    tree.and_then(|tree| tree.control_block(&leaf))
        .expect("the key's script is a leaf of its tree")
        .serialize()
}

fn secret(rng: &mut impl Rng) -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        // All but about one in 2^128 numbers are keys.
        if let Ok(secret) = SecretKey::from_slice(&bytes) {
            return secret;
        }
    }
}
