//! Header rules.

use bitcoin::block::Version;

use super::{Case, Verdict};
use crate::build::Flaw;

pub(super) fn cases() -> Vec<Case> {
    let version = |number: i32| Version::from_consensus(number).to_consensus();
    let with_version = |name: &str, verdict, number| {
        Case::new(name, verdict, move |maker| {
            Some(maker.builder().version(version(number)).build())
        })
    };
    let mut cases: Vec<Case> = Flaw::HEADER.into_iter().map(flawed).collect();
    cases.extend([
        Case::valid("a time one second after the median", |maker| {
            let time = maker.place.median_time + 1;
            Some(maker.builder().time(time).build())
        }),
        Case::refused("time-too-old", "the median as time", |maker| {
            let time = maker.place.median_time;
            Some(maker.builder().time(time).build())
        }),
        with_version("version 4", Verdict::Valid, 4),
        with_version("version 3", Verdict::refused("bad-version(0x00000003)"), 3),
        with_version("version 2", Verdict::refused("bad-version(0x00000002)"), 2),
        with_version(
            "a version below zero",
            Verdict::refused("bad-version(0x80000000)"),
            i32::MIN,
        ),
        with_version(
            "a version with every bit of BIP9",
            Verdict::Valid,
            0x3fff_ffff,
        ),
    ]);
    cases
}

/// A block with a flaw that needs no coins.
pub(super) fn flawed(flaw: Flaw) -> Case {
    let (_, reason) = flaw.reject();
    Case::refused(reason, format!("{flaw:?}"), move |maker| {
        Some(maker.builder().flaw(flaw).build())
    })
}
