//! Which files there are to import, and how they are encoded.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use tipward_primitives::{Network, Params};
use tipward_store::layout::network_dir_name;

/// Bitcoin Core's key that block files are xored with.
type Key = [u8; 8];

/// A file with blocks.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) len: u64,
    key: Option<Key>,
}

impl Source {
    /// A single file; `xor.dat` beside it counts if the file is encoded.
    fn file(path: &Path, params: &Params) -> anyhow::Result<Self> {
        let mut file =
            File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let meta = file.metadata()?;
        ensure!(
            meta.is_file(),
            "{} is neither a file nor a directory: name block files or a directory with them",
            path.display()
        );
        let mut start = [0; 4];
        let plain = match file.read_exact(&mut start) {
            Ok(()) => start == params.magic,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        // Exports lie beside block files at times, and are never encoded.
        let key = if plain || number(path).is_none() {
            None
        } else {
            key_beside(path)?
        };
        Ok(Self {
            path: path.to_owned(),
            len: meta.len(),
            key,
        })
    }

    /// Takes the encoding off bytes that lie at `offset` of the file.
    pub(super) fn decode(&self, offset: u64, bytes: &mut [u8]) {
        let Some(mut key) = self.key else { return };
        key.rotate_left((offset % 8) as usize);
        let word = u64::from_ne_bytes(key);
        let mut words = bytes.chunks_exact_mut(8);
        for chunk in &mut words {
            let mut eight = [0; 8];
            eight.copy_from_slice(chunk);
            chunk.copy_from_slice(&(u64::from_ne_bytes(eight) ^ word).to_ne_bytes());
        }
        for (byte, key) in words.into_remainder().iter_mut().zip(key) {
            *byte ^= key;
        }
    }

    /// The bytes before the first block, for who wonders why there is none.
    fn start(&self) -> io::Result<[u8; 4]> {
        let mut start = [0; 4];
        File::open(&self.path)?.read_exact(&mut start)?;
        self.decode(0, &mut start);
        Ok(start)
    }

    /// Says why no block was found in it; an error if it is plain that it was never meant for this network.
    pub(super) fn why_empty(&self, params: &Params) -> anyhow::Result<String> {
        let path = self.path.display();
        let network = network_dir_name(params);
        if let Some(other) = self.start().ok().and_then(network_of) {
            let other = network_dir_name(&other);
            bail!(
                "{path} holds blocks of {other}, not of {network}: import them with --network {other}"
            );
        }
        let hint = if number(&self.path).is_some() && self.key.is_none() {
            "; if it is Bitcoin Core's, it is encoded with the key in xor.dat of its blocks folder: put that file beside it"
        } else {
            ""
        };
        Ok(format!("{path} holds no block of {network}{hint}"))
    }
}

/// The network whose frames begin so.
fn network_of(magic: [u8; 4]) -> Option<Params> {
    [
        Network::Bitcoin,
        Network::Testnet,
        Network::Testnet4,
        Network::Signet,
        Network::Regtest,
    ]
    .into_iter()
    .map(Params::new)
    .find(|params| params.magic == magic)
}

/// The number in the name of a block file.
fn number(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("blk")?.strip_suffix(".dat")?;
    digits.parse().ok()
}

/// The key beside a block file, unless it is zero.
fn key_beside(file: &Path) -> anyhow::Result<Option<Key>> {
    let path = file.with_file_name("xor.dat");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let key = Key::try_from(&bytes[..]).ok().with_context(|| {
        format!(
            "{} has {} bytes, and a key has 8: copy it again from where the block files come from",
            path.display(),
            bytes.len()
        )
    })?;
    Ok((key != Key::default()).then_some(key))
}

/// All files that the paths name, in the order of the paths, those of a directory by their numbers.
pub(super) fn find(
    paths: &[PathBuf],
    params: &Params,
    netdir: &Path,
) -> anyhow::Result<Vec<Source>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_directory(path, params)?);
        } else {
            files.push(path.clone());
        }
    }
    let own = netdir.join("blocks").canonicalize().ok();
    for file in &files {
        let dir = file.canonicalize().ok();
        let dir = dir.as_deref().and_then(Path::parent);
        ensure!(
            own.is_none() || dir != own.as_deref(),
            "{} is a block file of this node's own data directory: `tipward reindex` builds all anew from those",
            file.display()
        );
    }
    files
        .iter()
        .map(|path| Source::file(path, params))
        .collect()
}

/// The block files of a directory: a folder of them, or a data directory of Bitcoin Core's or tipward's.
fn in_directory(dir: &Path, params: &Params) -> anyhow::Result<Vec<PathBuf>> {
    let network = network_dir_name(params);
    let of_network = dir.join(&network).join("blocks");
    let mut places = vec![dir.to_owned(), of_network, dir.join("blocks")];
    if params.network == Network::Bitcoin {
        // Core keeps the main network's files at the top.
        places.swap(1, 2);
    }
    for place in &places {
        let found = list(place)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    bail!(
        "{} holds no block files (blk00000.dat and so on, or bootstrap.dat), nor do {} and {} in it: name the directory that \
         does",
        dir.display(),
        Path::new(&network).join("blocks").display(),
        Path::new("blocks").display()
    )
}

/// Block files in a directory, by their numbers, and then `bootstrap.dat`; nothing if there is no such directory.
fn list(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("cannot list {}", dir.display());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(context),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(context)?.path();
        let bootstrap = path.file_name().is_some_and(|name| name == "bootstrap.dat");
        if let Some(number) = number(&path).or(bootstrap.then_some(u32::MAX)) {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests;
