//! Two blocks of testnet3 with the outputs that they spend.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use bytes::Bytes;
use tipward_consensus::{ParsedBlock, ScriptFlags, script_flags};
use tipward_primitives::bitcoin::TxOut;
use tipward_primitives::bitcoin::consensus::deserialize_partial;
use tipward_primitives::{Height, Network, Params, RawBlock};
use tipward_script::{PreparedTx, SpentOutput};

pub(crate) const HEIGHTS: [Height; 2] = [928_816, 928_848];

pub(crate) struct TestBlock {
    pub(crate) block: ParsedBlock,
    /// For each transaction but the coinbase, the outputs that its inputs spend.
    pub(crate) spent: Vec<Vec<TxOut>>,
    pub(crate) flags: ScriptFlags,
}

impl TestBlock {
    /// `None` if the test data is missing, which is a failure only when `CI=true`.
    pub(crate) fn read(height: Height) -> Option<Self> {
        let root = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
            Into::into,
        );
        let file = |ending: &str| root.join(format!("testnet3-block-{height}.{ending}"));
        let (Ok(raw), Ok(spent)) = (std::fs::read(file("raw")), std::fs::read(file("spent")))
        else {
            let data = root.display();
            let ci = std::env::var("CI").as_deref() == Ok("true");
            assert!(!ci, "test data is missing: {data}");
            eprintln!("skipped: no testnet3 block {height} in {data}");
            return None;
        };
        let block = ParsedBlock::parse(RawBlock::new(Bytes::from(raw)).unwrap()).unwrap();
        let mut rest = spent.as_slice();
        let mut next_output = || {
            let (output, size) = deserialize_partial(rest).unwrap();
            rest = &rest[size..];
            output
        };
        let spent = block
            .transactions()
            .skip(1)
            .map(|tx| tx.inputs().map(|_| next_output()).collect())
            .collect();
        assert!(rest.is_empty(), "more spent outputs than inputs");
        let params = Params::new(Network::Testnet);
        let flags = script_flags(&params, height, &block.block_hash());
        Some(Self {
            block,
            spent,
            flags,
        })
    }

    /// The bytes of each transaction but the coinbase, with the outputs that it spends.
    pub(crate) fn spending(&self) -> impl Iterator<Item = (&[u8], &[TxOut])> {
        let raw = self.block.transactions().skip(1).map(|tx| tx.bytes());
        raw.zip(self.spent.iter().map(Vec::as_slice))
    }
}

pub(crate) fn prepare(raw: &[u8], spent: &[TxOut]) -> PreparedTx {
    let spent = spent.iter().map(|output| SpentOutput {
        value: output.value.to_sat().try_into().unwrap(),
        script_pubkey: output.script_pubkey.as_bytes(),
    });
    PreparedTx::new(raw, spent).unwrap()
}
