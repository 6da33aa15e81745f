//! Many connections that call a method.
//!
//! With a rate, each connection has its times to call, whatever became of the call before: an answer's time counts from when the
//! call was due, so that a server that stops for a second is seen to be late for all that was due in it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use tipward_rpc::Cookie;
use tipward_rpc::client::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bench::process;

/// A node may take so long to start.
const START: Duration = Duration::from_secs(60);
/// An answer that has not come by then does not come.
const ANSWER: Duration = Duration::from_secs(30);
/// Largest answer that is taken in.
const MOST: usize = 64 << 10;

/// An answer says within so many bytes whether it is an error.
const BEGIN: usize = 64;

/// How much to call.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct LoadOptions<'a> {
    pub(in crate::bench) connections: usize,
    /// Calls a second of all together; 0: the next one as soon as the last one is answered.
    pub(in crate::bench) rate: u32,
    pub(in crate::bench) method: &'a str,
    /// A JSON array.
    pub(in crate::bench) params: &'a str,
}

/// What came of the calls.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::bench) struct Calls {
    pub(in crate::bench) answers: usize,
    /// Answers a second.
    pub(in crate::bench) rate: f64,
    /// Refused, or not answered with a result.
    pub(in crate::bench) failed: usize,
    pub(in crate::bench) p50_ms: f64,
    pub(in crate::bench) p99_ms: f64,
    pub(in crate::bench) p999_ms: f64,
    pub(in crate::bench) most_ms: f64,
    pub(in crate::bench) seconds: f64,
    /// Of the thread that calls.
    pub(in crate::bench) cpu_seconds: f64,
    /// Of the node's thread that answers.
    pub(in crate::bench) answers_cpu_seconds: f64,
}

impl Calls {
    /// What callers and answers together took of the processors. Unlike the times of two syncs this hardly depends on what
    /// else the machine does.
    pub(in crate::bench) fn share_of_cores(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (self.cpu_seconds + self.answers_cpu_seconds) / (self.seconds * cores as f64)
    }
}

/// Callers that are at it, on one thread.
pub(in crate::bench) struct Load {
    stop: CancellationToken,
    thread: JoinHandle<anyhow::Result<Calls>>,
}

impl Load {
    /// Begins as soon as the node answers.
    pub(in crate::bench) fn start(
        client: Client,
        cookie: PathBuf,
        options: LoadOptions<'_>,
    ) -> anyhow::Result<Self> {
        let LoadOptions { method, params, .. } = options;
        let params: serde_json::Value = serde_json::from_str(params).context("--params")?;
        let body =
            serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = body.to_string();
        let (connections, rate) = (options.connections, options.rate);
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let thread = std::thread::Builder::new()
            .name("callers".to_owned())
            .spawn(move || {
                client.call_when_ready("getblockcount", &serde_json::json!([]), START)?;
                let authorization = Cookie::read(&cookie)?.header();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let request = request(client.addr, &authorization, &body).into();
                runtime.block_on(call_all(client.addr, request, connections, rate, stopping))
            })?;
        Ok(Self { stop, thread })
    }

    /// Ends, and says what came of it.
    pub(in crate::bench) fn end(self) -> anyhow::Result<Calls> {
        self.stop.cancel();
        let ended = self.thread.join();
        ended.map_err(|_| anyhow!("the thread that calls panicked"))?
    }
}

/// What one connection found.
#[derive(Default)]
struct Found {
    micros: Vec<u32>,
    failed: usize,
}

fn request(addr: SocketAddr, authorization: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {addr}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn call_all(
    addr: SocketAddr,
    request: Arc<str>,
    connections: usize,
    rate: u32,
    stop: CancellationToken,
) -> anyhow::Result<Calls> {
    let begun = Instant::now();
    let interval =
        (rate > 0).then(|| Duration::from_secs_f64(connections as f64 / f64::from(rate)));
    let mut callers = JoinSet::new();
    for number in 0..connections {
        let pace = interval.map(|interval| Pace {
            // They take turns.
            next: begun + interval.mul_f64(number as f64 / connections as f64),
            interval,
        });
        let (request, stop) = (request.clone(), stop.clone());
        callers.spawn(async move { keep_calling(addr, &request, pace, &stop).await });
    }
    let mut all = Found::default();
    while let Some(found) = callers.join_next().await {
        let found = found?.context("a connection that calls")?;
        all.micros.extend(found.micros);
        all.failed += found.failed;
    }
    Ok(all.into_calls(begun.elapsed()))
}

/// When a connection calls.
struct Pace {
    next: Instant,
    interval: Duration,
}

async fn keep_calling(
    addr: SocketAddr,
    request: &str,
    mut pace: Option<Pace>,
    stop: &CancellationToken,
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    // Once at least, however soon that is over beside which they call.
    while found.calls() == 0 || !stop.is_cancelled() {
        let due = match &mut pace {
            None => Instant::now(),
            Some(pace) => {
                let due = pace.next;
                pace.next += pace.interval;
                tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => due,
                    () = stop.cancelled(), if found.calls() > 0 => break,
                }
            }
        };
        stream.write_all(request.as_bytes()).await?;
        let answered = tokio::time::timeout(ANSWER, answer(&mut stream, &mut buffer)).await;
        if answered.context("no answer came")?? {
            let micros = due.elapsed().as_micros();
            found.micros.push(u32::try_from(micros).unwrap_or(u32::MAX));
        } else {
            found.failed += 1;
        }
    }
    Ok(found)
}

/// Reads one answer; whether it is a result.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<bool> {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await?;
        ensure!(read > 0, "the node closed the connection");
        ensure!(buffer.len() <= MOST, "an answer of over {MOST} bytes");
        if let Some(body) = super::rest::body_of(buffer)
            && buffer.len() >= body.end
        {
            // Looking through all of a long answer would cost the callers as much as asking.
            let begin = &buffer[body.start..buffer.len().min(body.start + BEGIN)];
            let error = br#""error":{"#;
            let has_error = begin.windows(error.len()).any(|part| part == error);
            return Ok(buffer.starts_with(b"HTTP/1.1 200") && !has_error);
        }
    }
}

impl Found {
    fn calls(&self) -> usize {
        self.micros.len() + self.failed
    }

    fn into_calls(mut self, took: Duration) -> Calls {
        self.micros.sort_unstable();
        Calls {
            answers: self.micros.len(),
            rate: self.micros.len() as f64 / took.as_secs_f64(),
            failed: self.failed,
            p50_ms: self.quantile(0.5),
            p99_ms: self.quantile(0.99),
            p999_ms: self.quantile(0.999),
            most_ms: self.quantile(1.0),
            seconds: took.as_secs_f64(),
            cpu_seconds: process::thread_cpu_seconds(),
            answers_cpu_seconds: f64::NAN,
        }
    }

    /// The time within which such a part of the answers came, in milliseconds; sorted before.
    fn quantile(&self, part: f64) -> f64 {
        let rank = (self.micros.len() as f64 * part).ceil() as usize;
        let at = rank.max(1) - 1;
        self.micros
            .get(at)
            .map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
    }
}

#[cfg(test)]
mod tests;
