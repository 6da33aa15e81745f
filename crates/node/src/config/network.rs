//! The network's parameters, with what the user changed of them.

use anyhow::{Context as _, ensure};
use bitcoin::ScriptBuf;
use tipward_primitives::{Params, SignetOptions, Work};

use super::{NetworkName, Options};

/// Parameters of `network` under these options.
pub(crate) fn params(network: NetworkName, options: &Options) -> anyhow::Result<Params> {
    let mut params = match &options.signetchallenge {
        None => Params::new(network.network()),
        Some(hex) => {
            ensure!(
                network == NetworkName::Signet,
                "--signetchallenge needs --network signet"
            );
            let challenge = ScriptBuf::from_hex(hex).ok().with_context(|| {
                format!("--signetchallenge must be a script in hex, not '{hex}'")
            })?;
            Params::signet(&SignetOptions {
                challenge: Some(challenge),
                seeds: None,
            })
        }
    };
    if let Some(hex) = &options.minimumchainwork {
        params.minimum_chain_work = parse_work(hex).with_context(|| {
            format!("--minimumchainwork must be up to 64 hex digits, not '{hex}'")
        })?;
    }
    if let Some(names) = &options.dnsseedname {
        params.dns_seeds = names.clone();
    }
    move_soft_forks(&mut params, network, options)?;
    Ok(params)
}

fn move_soft_forks(
    params: &mut Params,
    network: NetworkName,
    options: &Options,
) -> anyhow::Result<()> {
    let heights = options.testactivationheight.as_deref().unwrap_or_default();
    let times = options.vbparams.as_deref().unwrap_or_default();
    for (option, given) in [("testactivationheight", heights), ("vbparams", times)] {
        ensure!(
            given.is_empty() || network == NetworkName::Regtest,
            "--{option} needs --network regtest"
        );
    }
    for text in heights {
        text.parse()
            .and_then(|height| params.set_activation_height(height))
            .context("--testactivationheight")?;
    }
    for text in times {
        text.parse()
            .and_then(|times| params.set_version_bits(times))
            .context("--vbparams")?;
    }
    Ok(())
}

pub(super) fn parse_work(hex: &str) -> Option<Work> {
    let digits = hex.strip_prefix("0x").unwrap_or(hex);
    if digits.is_empty() || digits.len() > 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let padded = format!("{digits:0>64}");
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(padded.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(Work::from_be_bytes(bytes))
}
