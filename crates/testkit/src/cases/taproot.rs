//! Taproot's trees and tapscript (BIP341, 342); its signatures are among the others.

use std::sync::LazyLock;

use bitcoin::hashes::Hash as _;
use bitcoin::key::{Keypair, TapTweak as _, UntweakedPublicKey};
use bitcoin::opcodes::OP_FALSE;
use bitcoin::opcodes::all::{
    OP_CHECKMULTISIG, OP_CHECKSIG, OP_CHECKSIGVERIFY, OP_DROP, OP_ENDIF, OP_IF, OP_NOP,
    OP_PUSHNUM_1, OP_RESERVED, OP_RETURN,
};
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::secp256k1::{All, Secp256k1, SecretKey};
use bitcoin::taproot::LeafVersion;
use bitcoin::{ScriptBuf, TapLeafHash, TapNodeHash};

use super::Case;
use super::coins::long_script;
use super::scripts::{Attempt, case, ops};

const CONTROL_SIZE: &str = "Invalid Taproot control block size";
const MISMATCH: &str = "Witness program hash mismatch";
const WEIGHT: &str = "Too much signature validation relative to witness weight";

/// What every signature check takes of a tapscript's budget, and what the budget has from the start.
const CHECK_WEIGHT: usize = 50;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("a leaf", None, || open().attempt()),
        case("a leaf at depth 128", None, || {
            Leaf {
                depth: 128,
                ..open()
            }
            .attempt()
        }),
        case("a leaf at depth 129", Some(CONTROL_SIZE), || {
            Leaf {
                depth: 129,
                ..open()
            }
            .attempt()
        }),
        case(
            "a control block of a byte too few",
            Some(CONTROL_SIZE),
            || {
                open().with_control(|control| {
                    control.pop();
                })
            },
        ),
        case(
            "a control block of a byte too many",
            Some(CONTROL_SIZE),
            || open().with_control(|control| control.push(0)),
        ),
        case(
            "a control block of the other parity",
            Some(MISMATCH),
            || open().with_control(|control| control[0] ^= 1),
        ),
        case("a control block with another path", Some(MISMATCH), || {
            open().with_control(|control| control[40] ^= 1)
        }),
        case(
            "a control block with another internal key",
            Some(MISMATCH),
            || {
                open().with_control(|control| {
                    let other = SecretKey::from_slice(&[6; 32]).expect("a key");
                    let key = other.x_only_public_key(&SECP).0;
                    control[1..33].copy_from_slice(&key.serialize());
                })
            },
        ),
        case("another script than the leaf's", Some(MISMATCH), || {
            let mut attempt = open().attempt();
            let at = attempt.witness.len() - 2;
            attempt.witness[at] = ops(&[OP_NOP, OP_PUSHNUM_1]).into_bytes();
            attempt
        }),
        case("a script of an unknown leaf version", None, || {
            let version = LeafVersion::from_consensus(0xc2).expect("even, and no annex");
            Leaf {
                version,
                ..leaf(ops(&[OP_RETURN]))
            }
            .attempt()
        }),
        case("an opcode that succeeds whatever follows", None, || {
            leaf(ops(&[OP_FALSE, OP_RESERVED, OP_RETURN])).attempt()
        }),
        case(
            "a leaf that leaves zero",
            Some(
                "Script evaluated without error but finished with a false/empty top stack element",
            ),
            || leaf(ops(&[OP_FALSE])).attempt(),
        ),
        case(
            "a leaf that leaves two items",
            Some("Stack size must be exactly one after execution"),
            || leaf(ops(&[OP_PUSHNUM_1, OP_PUSHNUM_1])).attempt(),
        ),
        case(
            "the old multisig in a leaf",
            Some("OP_CHECKMULTISIG(VERIFY) is not available in tapscript"),
            || leaf(ops(&[OP_FALSE, OP_FALSE, OP_FALSE, OP_CHECKMULTISIG])).attempt(),
        ),
        case("a leaf with an IF of one", None, || {
            Leaf {
                items: vec![vec![1]],
                ..conditional()
            }
            .attempt()
        }),
        case(
            "a leaf with an IF of two",
            Some("OP_IF/NOTIF argument must be minimal in tapscript"),
            || {
                Leaf {
                    items: vec![vec![2]],
                    ..conditional()
                }
                .attempt()
            },
        ),
        case(
            "an empty key in a leaf",
            Some("Empty public key in tapscript"),
            || leaf(ops(&[OP_FALSE, OP_FALSE, OP_CHECKSIG])).attempt(),
        ),
        case("a key of an unknown kind in a leaf", None, || {
            leaf(ops(&[OP_PUSHNUM_1, OP_PUSHNUM_1, OP_CHECKSIG])).attempt()
        }),
        case("checks that use up a leaf's budget", None, || budget(0)),
        case("checks that go past a leaf's budget", Some(WEIGHT), || {
            budget(-1)
        }),
        case("an item of 520 bytes for a leaf", None, || dropping(520)),
        case(
            "an item of 521 bytes for a leaf",
            Some("Push value size limit exceeded"),
            || dropping(521),
        ),
        case("1,000 items for a leaf", None, || many(1000)),
        case(
            "1,001 items for a leaf",
            Some("Stack size limit exceeded"),
            || many(1001),
        ),
        case("a leaf of 10,001 bytes", None, || {
            leaf(long_script(10_001)).attempt()
        }),
        case("202 operations in a leaf", None, || {
            let mut opcodes = vec![OP_NOP; 202];
            opcodes.push(OP_PUSHNUM_1);
            leaf(ops(&opcodes)).attempt()
        }),
        case(
            "a taproot output with an input script",
            Some("Witness requires empty scriptSig"),
            || Attempt {
                script_sig: ops(&[OP_PUSHNUM_1]),
                ..open().attempt()
            },
        ),
        case(
            "a taproot output without witness",
            Some("Witness program was passed an empty witness"),
            || Attempt {
                witness: Vec::new(),
                ..open().attempt()
            },
        ),
        case(
            "an item that looks like an annex alone",
            Some("Invalid Schnorr signature size"),
            || Attempt {
                witness: vec![vec![0x50; 3]],
                ..open().attempt()
            },
        ),
        case("a leaf and an annex", None, || {
            let mut attempt = open().attempt();
            attempt.witness.push(vec![0x50, 1]);
            attempt
        }),
    ]
}

static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// A script in a tree.
struct Leaf {
    script: ScriptBuf,
    version: LeafVersion,
    /// Nodes beside its path to the root.
    depth: usize,
    /// What it is spent with.
    items: Vec<Vec<u8>>,
}

fn leaf(script: ScriptBuf) -> Leaf {
    Leaf {
        script,
        version: LeafVersion::TapScript,
        depth: 1,
        items: Vec::new(),
    }
}

fn open() -> Leaf {
    leaf(ops(&[OP_PUSHNUM_1]))
}

fn conditional() -> Leaf {
    leaf(ops(&[OP_IF, OP_PUSHNUM_1, OP_ENDIF]))
}

impl Leaf {
    fn attempt(self) -> Attempt {
        let secret = SecretKey::from_slice(&[5; 32]).expect("a key");
        let pair = Keypair::from_secret_key(&SECP, &secret);
        let (internal, _): (UntweakedPublicKey, _) = pair.x_only_public_key();
        let siblings: Vec<TapNodeHash> = (0..self.depth)
            .map(|level| TapNodeHash::from_byte_array([level as u8; 32]))
            .collect();
        let hash = TapLeafHash::from_script(&self.script, self.version);
        let root = siblings
            .iter()
            .fold(TapNodeHash::from(hash), |node, sibling| {
                TapNodeHash::from_node_hashes(node, *sibling)
            });
        let (output_key, parity) = internal.tap_tweak(&SECP, Some(root));
        let mut control = vec![self.version.to_consensus() | parity.to_u8()];
        control.extend(internal.serialize());
        for sibling in siblings {
            control.extend(sibling.to_byte_array());
        }
        let mut witness = self.items;
        witness.push(self.script.into_bytes());
        witness.push(control);
        Attempt {
            guard: ScriptBuf::new_p2tr_tweaked(output_key),
            script_sig: ScriptBuf::new(),
            witness,
        }
    }

    fn with_control(self, edit: impl FnOnce(&mut Vec<u8>)) -> Attempt {
        let mut attempt = self.attempt();
        let control = attempt.witness.last_mut();
        edit(control.expect("the control block is the last item"));
        attempt
    }
}

fn dropping(bytes: usize) -> Attempt {
    Leaf {
        items: vec![vec![1; bytes]],
        ..leaf(ops(&[OP_DROP, OP_PUSHNUM_1]))
    }
    .attempt()
}

/// So many items, of which all but one are dropped.
fn many(count: usize) -> Attempt {
    Leaf {
        items: vec![vec![1]; count],
        ..leaf(ops(&vec![OP_DROP; count - 1]))
    }
    .attempt()
}

/// A leaf whose signature checks leave so much of its budget over.
fn budget(left: isize) -> Attempt {
    const CHECKS: usize = 4;
    // Keys of an unknown kind: any signature is right, and counts.
    let with_padding = |bytes: usize| {
        let data = PushBytesBuf::try_from(vec![7; bytes]).expect("a short push");
        let script = Builder::new().push_slice(data).push_opcode(OP_DROP);
        let script = (0..CHECKS).fold(script, |script, _| {
            let script = script.push_opcode(OP_PUSHNUM_1).push_opcode(OP_PUSHNUM_1);
            script.push_opcode(OP_CHECKSIGVERIFY)
        });
        leaf(script.push_opcode(OP_PUSHNUM_1).into_script()).attempt()
    };
    let size = |attempt: &Attempt| {
        // The count of items, and for each its length, all of one byte, and itself.
        let items = attempt.witness.iter();
        1 + items.map(|item| 1 + item.len()).sum::<usize>()
    };
    // A leaf of this padding is too light for its checks; each byte more is a unit more.
    let guess = 20;
    let missing = CHECKS * CHECK_WEIGHT - CHECK_WEIGHT - size(&with_padding(guess));
    let padding = (guess + missing).saturating_add_signed(left);
    with_padding(padding)
}
