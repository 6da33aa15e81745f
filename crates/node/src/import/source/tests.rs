use super::*;

fn params() -> Params {
    Params::new(Network::Regtest)
}

fn found(dir: &Path, params: &Params) -> Vec<String> {
    let found = find(&[dir.to_owned()], params, Path::new("/nowhere")).unwrap();
    found
        .iter()
        .map(|source| {
            let path = source.path.strip_prefix(dir).unwrap();
            path.display().to_string()
        })
        .collect()
}

fn refused(path: &Path) -> String {
    let error = find(&[path.to_owned()], &params(), Path::new("/nowhere")).unwrap_err();
    format!("{error:#}")
}

#[test]
fn the_files_of_a_directory_come_by_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "blk00010.dat",
        "blk00002.dat",
        "blk100000.dat",
        "bootstrap.dat",
        "rev00002.dat",
        "blkindex.dat",
        "xor.dat",
    ] {
        fs::write(dir.path().join(name), [0; 8]).unwrap();
    }
    assert_eq!(
        found(dir.path(), &params()),
        [
            "blk00002.dat",
            "blk00010.dat",
            "blk100000.dat",
            "bootstrap.dat"
        ]
    );
}

#[test]
fn a_data_directory_stands_for_the_blocks_of_the_network() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, file) in [
        ("blocks", "blk00000.dat"),
        ("regtest/blocks", "blk00001.dat"),
    ] {
        let folder = dir.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), []).unwrap();
    }
    assert_eq!(
        found(dir.path(), &params()),
        ["regtest/blocks/blk00001.dat"]
    );
    let main = Params::new(Network::Bitcoin);
    assert_eq!(found(dir.path(), &main), ["blocks/blk00000.dat"]);
    let network = dir.path().join("regtest");
    assert_eq!(found(&network, &params()), ["blocks/blk00001.dat"]);
}

#[test]
fn what_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(dir.path());
    assert!(error.contains("holds no block files"), "{error}");
    let error = refused(&dir.path().join("bootstrap.dat"));
    assert!(error.contains("bootstrap.dat"), "{error}");
    fs::write(dir.path().join("blk00000.dat"), [1; 100]).unwrap();
    fs::write(dir.path().join("xor.dat"), [1; 7]).unwrap();
    let error = refused(dir.path());
    assert!(error.contains("xor.dat has 7 bytes"), "{error}");
    let blocks = dir.path().join("blocks");
    fs::create_dir(&blocks).unwrap();
    fs::write(blocks.join("blk00000.dat"), []).unwrap();
    let error = find(&[blocks], &params(), dir.path()).unwrap_err();
    assert!(error.to_string().contains("tipward reindex"), "{error}");
}

#[test]
fn a_key_counts_for_encoded_block_files_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("xor.dat"), [3; 8]).unwrap();
    let plain = params().magic;
    for (name, start, encoded) in [
        ("blk00000.dat", plain, false),
        ("blk00001.dat", plain.map(|byte| byte ^ 3), true),
        ("export.dat", [0; 4], false),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, start).unwrap();
        let source = Source::file(&path, &params()).unwrap();
        assert_eq!(source.key.is_some(), encoded, "{name}");
    }
}

#[test]
fn bytes_are_decoded_by_where_they_lie() {
    let key = [1, 2, 3, 4, 5, 6, 7, 8];
    let source = Source {
        path: PathBuf::new(),
        len: 0,
        key: Some(key),
    };
    for (offset, len) in [(0, 20), (3, 8), (13, 7), (1 << 33, 64), (5, 0)] {
        let mut bytes: Vec<u8> = (0..len).map(|at| key[(offset as usize + at) % 8]).collect();
        source.decode(offset, &mut bytes);
        assert_eq!(bytes, vec![0; len], "{len} bytes at {offset}");
    }
}

#[test]
fn blocks_of_another_network_are_recognized() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blk00000.dat");
    fs::write(&path, Params::new(Network::Testnet4).magic).unwrap();
    let source = Source::file(&path, &params()).unwrap();
    let error = source.why_empty(&params()).unwrap_err().to_string();
    assert!(
        error.contains("of testnet4, not of regtest") && error.contains("--network testnet4"),
        "{error}"
    );
    fs::write(&path, [1; 8]).unwrap();
    let source = Source::file(&path, &params()).unwrap();
    let note = source.why_empty(&params()).unwrap();
    assert!(note.contains("xor.dat"), "{note}");
}
