//! A right and a wrong signature under every kind of script.

use bitcoin::{Amount, Block, Transaction, TxIn, Witness};

use super::maker::{Maker, out};
use super::{Case, Verdict};
use crate::build::anyone_can_spend;
use crate::generate::ScriptKind;
use crate::generate::keys::script_of;

const FALSE: &str =
    "Script evaluated without error but finished with a false/empty top stack element";
const SCHNORR: &str = "Invalid Schnorr signature";

pub(super) fn cases() -> Vec<Case> {
    ScriptKind::ALL
        .into_iter()
        .flat_map(|kind| {
            let error = match kind {
                ScriptKind::TaprootKey
                | ScriptKind::TaprootScript
                | ScriptKind::TaprootMultisig => SCHNORR,
                _ => FALSE,
            };
            [
                Case::valid(format!("a right signature under {kind:?}"), move |maker| {
                    signed(maker, kind, |_| {})
                }),
                Case::new(
                    format!("a wrong signature under {kind:?}"),
                    Verdict::script(error),
                    move |maker| {
                        signed(maker, kind, |input| edit_signature(input, |sig| flip(sig)))
                    },
                ),
            ]
        })
        .chain([
            Case::valid("an annex that is signed", |maker| annexed(maker, |_| {})),
            Case::new(
                "an annex that was changed",
                Verdict::script(SCHNORR),
                |maker| annexed(maker, |items| items[1].push(1)),
            ),
            Case::new(
                "an annex that was left out",
                Verdict::script(SCHNORR),
                |maker| {
                    annexed(maker, |items| {
                        items.pop();
                    })
                },
            ),
            taproot(
                "a Schnorr signature of 63 bytes",
                "Invalid Schnorr signature size",
                |sig| {
                    sig.truncate(63);
                },
            ),
            taproot(
                "a Schnorr signature of 66 bytes",
                "Invalid Schnorr signature size",
                |sig| {
                    sig.resize(66, 1);
                },
            ),
            taproot(
                "no Schnorr signature",
                "Invalid Schnorr signature size",
                Vec::clear,
            ),
            taproot(
                "a Schnorr signature that says the default hash type",
                "Invalid Schnorr signature hash type",
                |sig| {
                    sig.resize(64, 0);
                    sig.push(0);
                },
            ),
            taproot(
                "a Schnorr signature with an unknown hash type",
                "Invalid Schnorr signature hash type",
                |sig| {
                    sig.resize(64, 0);
                    sig.push(4);
                },
            ),
            Case::new(
                "a signature that is not DER",
                Verdict::script("Non-canonical DER signature"),
                |maker| {
                    signed(maker, ScriptKind::PubkeyHash, |input| {
                        // A padding byte in front of the number r.
                        edit_signature(input, |sig| {
                            sig.insert(4, 0);
                            sig[1] += 1;
                            sig[3] += 1;
                        });
                    })
                },
            ),
            Case::new(
                "a signature in a witness that is not DER",
                Verdict::script("Non-canonical DER signature"),
                |maker| {
                    signed(maker, ScriptKind::WitnessPubkeyHash, |input| {
                        edit_signature(input, |sig| sig[0] = 0x31);
                    })
                },
            ),
            Case::new(
                "a signature of another amount",
                Verdict::script(FALSE),
                |maker| {
                    let coin = maker.coin_of(ScriptKind::WitnessPubkeyHash)?;
                    let other = crate::generate::wallet::Coin {
                        value: coin.value + Amount::ONE_SAT,
                        ..coin
                    };
                    let output = vec![out(coin.value, anyone_can_spend())];
                    let tx = maker.spend_coins(&[other], output, |_| {});
                    maker.block_with(tx, Amount::ZERO)
                },
            ),
            Case::new(
                "a signature that was made before the output was changed",
                Verdict::script(SCHNORR),
                |maker| {
                    let key = key_with_default_sighash(maker)?;
                    let coin = maker.free_coin(|coin| coin.key == key)?;
                    let output = vec![out(coin.value, anyone_can_spend())];
                    let mut tx = maker.spend_coins(&[coin], output, |_| {});
                    tx.output[0].value = coin.value - Amount::ONE_SAT;
                    maker.block_with(tx, Amount::ZERO)
                },
            ),
            Case::valid("several inputs of different kinds", several),
        ])
        .collect()
}

/// A coin of this kind is spent, and its input edited after it was signed.
fn signed(maker: &mut Maker<'_>, kind: ScriptKind, edit: impl FnOnce(&mut TxIn)) -> Option<Block> {
    let coin = maker.coin_of(kind)?;
    let output = vec![out(coin.value, anyone_can_spend())];
    let mut tx = maker.spend_coins(&[coin], output, |_| {});
    edit(&mut tx.input[0]);
    maker.block_with(tx, Amount::ZERO)
}

fn taproot(name: &str, error: &str, edit: fn(&mut Vec<u8>)) -> Case {
    Case::new(name, Verdict::script(error), move |maker| {
        signed(maker, ScriptKind::TaprootKey, |input| {
            edit_signature(input, edit);
        })
    })
}

/// Edits the first thing that is pushed and not empty: in every kind of script a signature.
fn edit_signature(input: &mut TxIn, edit: impl FnOnce(&mut Vec<u8>)) {
    let edit_first = |items: &mut Vec<Vec<u8>>| {
        let signature = items.iter_mut().find(|item| !item.is_empty());
        edit(signature.expect("the input was signed"));
    };
    if input.witness.is_empty() {
        let pushes = input.script_sig.instructions().flatten();
        let mut pushes: Vec<Vec<u8>> = pushes
            .filter_map(|push| push.push_bytes().map(|bytes| bytes.as_bytes().to_vec()))
            .collect();
        edit_first(&mut pushes);
        let pushes: Vec<&[u8]> = pushes.iter().map(Vec::as_slice).collect();
        input.script_sig = script_of(&pushes);
    } else {
        let mut items = input.witness.to_vec();
        edit_first(&mut items);
        input.witness = Witness::from_slice(&items);
    }
}

/// Changes a bit of the signature's second number, so that the encoding stays right.
fn flip(signature: &mut [u8]) {
    let at = signature.len() - 10;
    signature[at] ^= 1;
}

/// A taproot coin is spent by its key with an annex, and the witness edited after it was signed.
fn annexed(maker: &mut Maker<'_>, edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> Option<Block> {
    let coin = maker.coin_of(ScriptKind::TaprootKey)?;
    let output = vec![out(coin.value, anyone_can_spend())];
    let mut tx: Transaction = super::maker::spending([coin.outpoint], output);
    let annex = [0x50, 1, 2, 3];
    let signing = [(coin.key, coin.value)];
    let keyring = maker.wallet.keyring.clone();
    keyring.sign(&mut tx, &signing, Some((0, &annex)));
    let mut items = tx.input[0].witness.to_vec();
    edit(&mut items);
    tx.input[0].witness = Witness::from_slice(&items);
    maker.block_with(tx, Amount::ZERO)
}

/// A taproot key whose signatures commit to all outputs.
fn key_with_default_sighash(maker: &Maker<'_>) -> Option<usize> {
    let keyring = &maker.wallet.keyring;
    (0..keyring.len()).find(|key| {
        keyring.key(*key).kind == ScriptKind::TaprootKey && keyring.key(*key).commits_to_outputs()
    })
}

fn several(maker: &mut Maker<'_>) -> Option<Block> {
    let kinds = [
        ScriptKind::PubkeyHash,
        ScriptKind::TaprootKey,
        ScriptKind::WitnessMultisig,
        ScriptKind::TaprootScript,
        ScriptKind::NestedWitnessPubkeyHash,
    ];
    let coins = kinds.map(|kind| maker.coin_of(kind));
    let coins: Option<Vec<_>> = coins.into_iter().collect();
    let coins = coins?;
    let value = coins.iter().map(|coin| coin.value).sum();
    let tx = maker.spend_coins(&coins, vec![out(value, anyone_can_spend())], |_| {});
    maker.block_with(tx, Amount::ZERO)
}
