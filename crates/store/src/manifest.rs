//! The manifest: which format a data directory has and which network it belongs to.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tipward_primitives::Params;

use crate::error::{Context as _, StoreError};
use crate::layout;

const TITLE: &str = "tipward data directory";

/// Checks that `dir` is this network's, in a format that this version knows; makes it so if it is new, and raises an
/// older format to this version's.
pub(crate) fn check_or_create(dir: &Path, params: &Params) -> Result<(), StoreError> {
    let path = dir.join(layout::MANIFEST);
    match fs::read_to_string(&path) {
        Ok(text) => {
            if check(&path, &text, params)? < layout::FORMAT {
                // Older formats lack files, no more: they are made when they are first opened. From now on, versions
                // that do not know those files refuse the directory.
                write_by_rename(&path, self::text(params).as_bytes())?;
            }
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            for name in [layout::HEADER_LOG, layout::BLOCKS] {
                if dir.join(name).exists() {
                    return Err(unusable(
                        dir,
                        format!(
                            "it holds {name} but no {}, so it is not known to be a data directory of tipward: \
                             choose an empty --datadir",
                            layout::MANIFEST
                        ),
                    ));
                }
            }
            write_by_rename(&path, text(params).as_bytes())
        }
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            Err(unusable(&path, damaged("it is not text")))
        }
        Err(e) => Err(e).context(&path, "read"),
    }
}

fn text(params: &Params) -> String {
    let body = format!(
        "{TITLE}\nformat = {}\n{}written-by = tipward {}\n",
        layout::FORMAT,
        identity(params),
        env!("CARGO_PKG_VERSION")
    );
    format!("{body}checksum = {:08x}\n", crc32c::crc32c(body.as_bytes()))
}

fn identity(params: &Params) -> String {
    let [a, b, c, d] = params.magic;
    format!(
        "network = {}\nmagic = {a:02x}{b:02x}{c:02x}{d:02x}\ngenesis = {}\n",
        params.chain_name, params.genesis_hash
    )
}

/// The format that the manifest names.
fn check(path: &Path, text: &str, params: &Params) -> Result<u32, StoreError> {
    let Some((body, checksum)) = text.rsplit_once("checksum = ") else {
        return Err(unusable(path, damaged("it has no checksum")));
    };
    if u32::from_str_radix(checksum.trim_end(), 16) != Ok(crc32c::crc32c(body.as_bytes())) {
        return Err(unusable(path, damaged("its checksum is wrong")));
    }
    let field = |name: &str| {
        body.lines()
            .filter_map(|l| l.split_once(" = "))
            .find_map(|(key, value)| (key == name).then_some(value))
            .unwrap_or("")
    };
    let format = match field("format").parse::<u32>() {
        Ok(format @ 1..=layout::FORMAT) => format,
        Ok(format) if format > layout::FORMAT => {
            return Err(unusable(
                path,
                format!(
                    "the directory has format {format}, written by {}; this is tipward {}, which knows formats up to \
                     {}: run a newer tipward, or choose another --datadir",
                    field("written-by"),
                    env!("CARGO_PKG_VERSION"),
                    layout::FORMAT
                ),
            ));
        }
        _ => return Err(unusable(path, damaged("it names no known format"))),
    };
    if !body.contains(&identity(params)) {
        return Err(unusable(
            path,
            format!(
                "the directory belongs to network {} (magic {}, genesis {}), this node runs on {}: choose another \
                 --datadir or another --network",
                field("network"),
                field("magic"),
                field("genesis"),
                params.chain_name
            ),
        ));
    }
    Ok(format)
}

fn damaged(what: &str) -> String {
    format!(
        "the manifest is damaged ({what}): restore it from a backup, or choose another --datadir"
    )
}

fn unusable(path: &Path, why: String) -> StoreError {
    StoreError::Unusable {
        path: path.to_owned(),
        why,
    }
}

/// Replaces the file at `path`, so that at any instant it is the old one or the new one, whole.
pub(crate) fn write_by_rename(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let new = path.with_extension("new");
    let mut file = File::create(&new).context(&new, "create")?;
    file.write_all(bytes).context(&new, "write")?;
    file.sync_all().context(&new, "sync")?;
    drop(file);
    fs::rename(&new, path).context(path, "put in place")?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    Ok(())
}

/// Makes the names in `dir` survive power loss.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .context(dir, "sync")
}
