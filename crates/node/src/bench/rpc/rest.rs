//! Blocks by REST, in turn with the same bytes from the same files over plain connections.

use std::fs::File;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use serde_json::json;
use tipward_rpc::client::Client;

use crate::generate::mainnet::ChainNote;

/// What is read and sent at once, on the plain side; and what is received at once, on both.
const PIECE: usize = 256 << 10;

/// What to fetch.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct RestOptions<'a> {
    pub(in crate::bench) connections: usize,
    pub(in crate::bench) rounds: u32,
    pub(in crate::bench) note: &'a ChainNote,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Fetched {
    pub(in crate::bench) rest: f64,
    pub(in crate::bench) plain: f64,
}

/// Fetches all full blocks of a node that has the tip.
pub(in crate::bench) fn fetch(
    client: &Client,
    blocks_dir: &Path,
    options: &RestOptions<'_>,
) -> anyhow::Result<Vec<Fetched>> {
    let (first, last) = options.note.full;
    let paths: Vec<String> = (first..=last)
        .map(|height| {
            let hash = client.call("getblockhash", &json!([height]))?;
            let hash = hash.as_str().context("no hash")?;
            Ok(format!("/rest/block/{hash}.bin"))
        })
        .collect::<anyhow::Result<_>>()?;
    let files = block_files(blocks_dir)?;
    let mut rounds = Vec::new();
    // The first round brings the files into memory, for both.
    for round in 0..=options.rounds {
        let fetched = Fetched {
            rest: by_rest(client.addr, &paths, options.connections)?,
            plain: plain(&files, options.connections)?,
        };
        if round > 0 {
            rounds.push(fetched);
        }
    }
    Ok(rounds)
}

fn block_files(dir: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("blk") && name.ends_with(".dat") {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "no block files in {}", dir.display());
    files.sort();
    Ok(files)
}

/// Has so many threads do something each; how many bytes they saw a second.
fn together(
    threads: usize,
    work: impl Fn(usize) -> anyhow::Result<u64> + Sync,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let bytes = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        threads.into_iter().try_fold(0, |sum, thread| {
            let bytes = thread.join().map_err(|_| anyhow!("a thread panicked"))??;
            anyhow::Ok(sum + bytes)
        })
    })?;
    Ok(bytes as f64 / begun.elapsed().as_secs_f64())
}

fn by_rest(addr: SocketAddr, paths: &[String], connections: usize) -> anyhow::Result<f64> {
    together(connections, |number| {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        let mut piece = vec![0; PIECE];
        let mut bytes = 0;
        for path in paths.iter().skip(number).step_by(connections) {
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n")?;
            bytes += skip_answer(&mut stream, &mut piece).with_context(|| path.clone())?;
        }
        Ok(bytes)
    })
}

/// Reads an answer and forgets it; the size of its body.
fn skip_answer(stream: &mut TcpStream, piece: &mut [u8]) -> anyhow::Result<u64> {
    let mut head = Vec::new();
    let (mut left, size) = loop {
        let read = stream.read(piece)?;
        ensure!(read > 0, "the node closed the connection");
        head.extend_from_slice(&piece[..read]);
        if let Some(body) = body_of(&head) {
            ensure!(head.starts_with(b"HTTP/1.1 200"), "the node refused");
            break (body.end.saturating_sub(head.len()), body.len());
        }
    };
    while left > 0 {
        let most = left.min(piece.len());
        let read = stream.read(&mut piece[..most])?;
        ensure!(read > 0, "the node closed the connection");
        left -= read;
    }
    Ok(size as u64)
}

/// Where the body of an answer is, once its head is there.
pub(super) fn body_of(answer: &[u8]) -> Option<Range<usize>> {
    const END: &[u8] = b"\r\n\r\n";
    let start = answer.windows(END.len()).position(|part| part == END)? + END.len();
    let head = std::str::from_utf8(&answer[..start]).ok()?;
    let (_, length) = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    let length: usize = length.trim().parse().ok()?;
    Some(start..start.checked_add(length)?)
}

/// The bytes of the files, each connection a part of each, read and sent with nothing else done.
fn plain(files: &[std::path::PathBuf], connections: usize) -> anyhow::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    std::thread::scope(|scope| {
        for number in 0..connections {
            let listener = &listener;
            scope.spawn(move || {
                let (mut stream, _) = listener.accept()?;
                send_parts(&mut stream, files, number as u64, connections as u64)
            });
        }
        together(connections, |_| {
            let mut stream = TcpStream::connect(addr)?;
            let mut piece = vec![0; PIECE];
            let mut bytes = 0;
            loop {
                match stream.read(&mut piece)? {
                    0 => return Ok(bytes),
                    read => bytes += read as u64,
                }
            }
        })
    })
}

fn send_parts(
    stream: &mut TcpStream,
    files: &[std::path::PathBuf],
    number: u64,
    of: u64,
) -> std::io::Result<()> {
    use std::io::{Seek as _, SeekFrom};
    let mut piece = vec![0; PIECE];
    for path in files {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (start, end) = (size * number / of, size * (number + 1) / of);
        file.seek(SeekFrom::Start(start))?;
        let mut part = file.take(end - start);
        loop {
            match part.read(&mut piece)? {
                0 => break,
                read => stream.write_all(&piece[..read])?,
            }
        }
    }
    Ok(())
}
