use tipward_primitives::{Header, Height, Params};

use crate::Reject;

/// Versions that miners used to signal readiness for a soft fork are refused from its height on: 1 with BIP34, 2 with
/// BIP66, 3 with BIP65. Versions are signed, so that any with the highest bit set is refused too.
pub(super) fn check_version(
    params: &Params,
    height: Height,
    header: &Header,
) -> Result<(), Reject> {
    let version = header.version.to_consensus();
    let lowest = [
        (params.bip34_height, 2),
        (params.bip66_height, 3),
        (params.bip65_height, 4),
    ]
    .into_iter()
    .filter(|(from, _)| height >= *from)
    .map(|(_, lowest)| lowest)
    .max();
    let Some(lowest) = lowest else {
        return Ok(());
    };
    if version >= lowest {
        return Ok(());
    }
    Err(Reject::header(
        format!("bad-version({version:#010x})"),
        format!("version {version} at height {height}, at least {lowest} required"),
    ))
}
