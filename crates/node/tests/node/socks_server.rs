//! A SOCKS5 proxy on loopback (RFC1928, RFC1929) that notes who asks it for what, and leads everybody to one place.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Host name or address, and port.
    pub(crate) target: String,
    /// User name and password, if it gave them.
    pub(crate) credentials: Option<(String, String)>,
}

pub(crate) struct SocksServer {
    pub(crate) addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl SocksServer {
    /// Connects every client to `to`, whatever it asked for. Its threads end with the test's process.
    pub(crate) fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = asked.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, notes) = (client.unwrap(), notes.clone());
                std::thread::spawn(move || {
                    // A client that goes away ends only its own thread.
                    let _ = serve(client, to, &notes);
                });
            }
        });
        Self { addr, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, to: SocketAddr, notes: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let [_version, methods] = take(&mut client)?;
    let mut offered = vec![0; usize::from(methods)];
    client.read_exact(&mut offered)?;
    let credentials = if offered.contains(&2) {
        client.write_all(&[5, 2])?;
        let [_version, length] = take(&mut client)?;
        let user = text(&mut client, length)?;
        let [length] = take(&mut client)?;
        let password = text(&mut client, length)?;
        client.write_all(&[1, 0])?;
        Some((user, password))
    } else {
        client.write_all(&[5, 0])?;
        None
    };
    let [_version, _connect, _reserved, kind] = take(&mut client)?;
    let host = match kind {
        1 => std::net::Ipv4Addr::from(take::<4>(&mut client)?).to_string(),
        3 => {
            let [length] = take(&mut client)?;
            text(&mut client, length)?
        }
        _ => format!("[{}]", std::net::Ipv6Addr::from(take::<16>(&mut client)?)),
    };
    let port = u16::from_be_bytes(take(&mut client)?);
    notes.lock().unwrap().push(Asked {
        target: format!("{host}:{port}"),
        credentials,
    });
    let server = TcpStream::connect(to)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from, mut back) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut back));
    std::io::copy(&mut &server, &mut &client)?;
    Ok(())
}

fn take<const N: usize>(client: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(client: &mut TcpStream, length: u8) -> std::io::Result<String> {
    let mut bytes = vec![0; usize::from(length)];
    client.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
