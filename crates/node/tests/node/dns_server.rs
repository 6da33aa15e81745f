//! A DNS server on loopback that knows the names a test gives it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::proto::rr::rdata::{A, AAAA, SOA};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};

/// It ends when this is dropped.
pub(crate) struct DnsServer {
    pub(crate) addr: SocketAddr,
    _server: Server<Catalog>,
}

impl DnsServer {
    /// Answers for the zone `test.`; every other name does not exist.
    pub(crate) async fn start(names: &[(&str, &[&str])]) -> Self {
        let zone = Name::from_str("test.").unwrap();
        let mut handler = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
            zone.clone(),
            ZoneType::Primary,
            AxfrPolicy::Deny,
        );
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 60, 60, 60, 60);
        handler.upsert_mut(Record::from_rdata(zone.clone(), 60, RData::SOA(soa)), 1);
        for (name, addrs) in names {
            let name = Name::from_str(&format!("{name}.")).unwrap();
            for addr in *addrs {
                let data = match addr.parse().unwrap() {
                    IpAddr::V4(v4) => RData::A(A(v4)),
                    IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
                };
                handler.upsert_mut(Record::from_rdata(name.clone(), 60, data), 1);
            }
        }
        let mut catalog = Catalog::new();
        catalog.upsert(zone.into(), vec![Arc::new(handler)]);
        let mut server = Server::new(catalog);
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = udp.local_addr().unwrap();
        server.register_socket(udp);
        // The same port for long answers; if another program has it, UDP alone will do.
        if let Ok(tcp) = TcpListener::bind(addr).await {
            server.register_listener(tcp, Duration::from_secs(5), 4096);
        }
        Self {
            addr,
            _server: server,
        }
    }
}
