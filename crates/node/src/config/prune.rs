use anyhow::{bail, ensure};
use tipward_primitives::{Network, Params};
use tipward_store::layout::MAX_BLOCK_FILE_SIZE;
use tipward_validation::Prune;

use super::{Options, Switch};

/// Less than this, in MiB, does not hold the blocks that are kept in any case (Core's figure).
const LEAST_MIB: i64 = 550;

/// Size of a file with `--fastprune`, as in Core.
const SMALL_FILE: u64 = 64 << 10;

/// How old blocks are deleted.
pub(super) fn prune(options: &Options, params: &Params) -> anyhow::Result<Option<Prune>> {
    let fast = options.fastprune.is_some_and(|Switch(on)| on);
    ensure!(
        !fast || params.network == Network::Regtest,
        "--fastprune is for regtest only"
    );
    let target = match options.prune.unwrap_or(0) {
        0 => return Ok(None),
        1 => None,
        mib if mib < 0 => bail!("--prune cannot be negative: 0 keeps all blocks"),
        mib if mib < LEAST_MIB && !fast => bail!(
            "--prune must be at least {LEAST_MIB} MiB, not {mib}: 288 blocks are kept in any case (1 means: only when \
             pruneblockchain says so)"
        ),
        mib => Some(mib.unsigned_abs().saturating_mul(1 << 20)),
    };
    ensure!(
        !options.reindex_chainstate,
        "--prune cannot be used with --reindex-chainstate, which needs all blocks: use --reindex instead, which downloads \
         them again"
    );
    Ok(Some(Prune {
        target,
        // As in Core.
        after_height: match params.network {
            Network::Bitcoin => 100_000,
            Network::Regtest if fast => 100,
            _ => 1000,
        },
        file_size: if fast {
            SMALL_FILE
        } else {
            MAX_BLOCK_FILE_SIZE
        },
    }))
}
