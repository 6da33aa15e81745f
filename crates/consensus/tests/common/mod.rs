//! Real blocks and vectors, which are not part of the repository.

use std::path::PathBuf;

/// A file of the test data folder; `None`, said on the terminal, if there is no such folder.
///
/// Under `CI=true` a missing folder is a failure, so that a green run there means that the data was seen.
pub(crate) fn data(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("TIPWARD_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "{}: {error}",
                path.display()
            );
            eprintln!("skipped: {}: {error}", path.display());
            None
        }
    }
}

/// The blocks of a file in `blk*.dat` framing.
#[allow(dead_code, reason = "not every test reads block files")]
pub(crate) fn framed_blocks(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    while let Some((head, rest)) = file.split_first_chunk::<8>() {
        let size = u32::from_le_bytes(head[4..].try_into().unwrap()) as usize;
        blocks.push(rest[..size].to_vec());
        file = &rest[size..];
    }
    blocks
}
