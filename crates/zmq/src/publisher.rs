//! The socket that is bound.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::subscriber::{MOST_SUBSCRIBERS, Subscriber};
use crate::{Endpoint, Message, PATIENCE};

/// Out of file descriptors, say: that passes.
const PAUSE: Duration = Duration::from_millis(100);

type Subscribers = Arc<Mutex<Vec<Arc<Subscriber>>>>;

/// A socket that sends to whoever subscribes. Dropping it ends all of its connections.
#[derive(Debug)]
pub struct Publisher {
    endpoint: Endpoint,
    subscribers: Subscribers,
    /// [`PATIENCE`], but in tests.
    pub(crate) patience: Duration,
    _end: DropGuard,
    /// The file of a Unix socket goes with it.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Publisher {
    /// Binds the socket and lets subscribers in. Must be called within a tokio runtime.
    pub async fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        let (listener, endpoint, file) = match endpoint {
            Endpoint::Tcp(addr) => {
                let listener = TcpListener::bind(addr).await?;
                let endpoint = Endpoint::Tcp(listener.local_addr()?);
                (Listener::Tcp(listener), endpoint, None)
            }
            Endpoint::Ipc(path) => {
                remove_stale(path).await?;
                let listener = UnixListener::bind(path)?;
                let file = Some(SocketFile(path.clone()));
                (Listener::Unix(listener), endpoint.clone(), file)
            }
        };
        let subscribers = Subscribers::default();
        let end = CancellationToken::new();
        tokio::spawn(end.clone().run_until_cancelled_owned(accept_all(
            listener,
            subscribers.clone(),
            end.clone(),
        )));
        Ok(Self {
            endpoint,
            subscribers,
            patience: PATIENCE,
            _end: end.drop_guard(),
            _file: file,
        })
    }

    /// Where it listens; of port 0 the one that it got.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Subscribers that are connected.
    pub fn subscribers(&self) -> usize {
        self.all().len()
    }

    /// Whether anybody has subscribed to this topic.
    pub fn is_wanted(&self, topic: &[u8]) -> bool {
        self.all().iter().any(|subscriber| subscriber.wants(topic))
    }

    /// Sends a message to everybody who has subscribed to its topic. Where `most` messages wait already (0 for any
    /// number), it is dropped. Takes no longer than [`PATIENCE`] for each subscriber that has stalled since it last
    /// made room.
    pub async fn send(&self, message: &Message, most: usize) {
        for subscriber in self.all() {
            if !subscriber.wants(message.topic()) {
                continue;
            }
            let queue = &subscriber.queue;
            if !queue.offer(message, most, self.patience).await {
                tracing::debug!(target: "rpc", "A ZMQ subscriber at {} does not keep up: a message is dropped", self.endpoint);
            }
        }
    }

    fn all(&self) -> Vec<Arc<Subscriber>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The file that a process left which was killed is in the way; one that somebody listens at is not ours to remove.
async fn remove_stale(path: &std::path::Path) -> io::Result<()> {
    let is_socket = |meta: std::fs::Metadata| meta.file_type().is_socket();
    if !std::fs::symlink_metadata(path).is_ok_and(is_socket) {
        return Ok(());
    }
    match tokio::net::UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(_) => Ok(()),
    }
}

async fn accept_all(listener: Listener, subscribers: Subscribers, end: CancellationToken) {
    loop {
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                // As libzmq and Core set them; a connection without is one all the same.
                let _ = stream.set_nodelay(true);
                let _ = SockRef::from(&stream).set_keepalive(true);
                let (reader, writer) = stream.into_split();
                start(reader, writer, &subscribers, &end);
            }),
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                let (reader, writer) = stream.into_split();
                start(reader, writer, &subscribers, &end);
            }),
        };
        if accepted.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Lets a connection in if there is room for it. Those that still shake hands count, too.
fn start(
    reader: impl AsyncRead + Send + Unpin + 'static,
    writer: impl AsyncWrite + Send + Unpin + 'static,
    subscribers: &Subscribers,
    end: &CancellationToken,
) {
    let subscriber = Arc::new(Subscriber::default());
    {
        let mut all = subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_SUBSCRIBERS {
            tracing::debug!(target: "rpc", "No room for another ZMQ subscriber");
            return;
        }
        all.push(subscriber.clone());
    }
    let subscribers = subscribers.clone();
    let live = live(reader, writer, subscriber.clone());
    let live = end.clone().run_until_cancelled_owned(live);
    tokio::spawn(async move {
        live.await;
        subscriber.queue.close();
        subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !Arc::ptr_eq(other, &subscriber));
    });
}

async fn live(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    subscriber: Arc<Subscriber>,
) {
    let mut reader = tokio::io::BufReader::with_capacity(1024, &mut reader);
    let ended = match Subscriber::greet(&mut reader, &mut writer).await {
        Ok(()) => tokio::select! {
            ended = subscriber.read(&mut reader) => ended,
            ended = subscriber.write(&mut writer) => ended,
        },
        Err(refusal) => refusal,
    };
    tracing::debug!(target: "rpc", "A ZMQ subscriber is gone: {ended}");
}
