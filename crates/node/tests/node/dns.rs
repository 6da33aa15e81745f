//! Names are looked up at a DNS server that runs on loopback.

use std::net::IpAddr;

use tipward::net::dns::Dns;

use crate::dns_server::DnsServer;

fn ips(list: &[&str]) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = list.iter().map(|ip| ip.parse().unwrap()).collect();
    ips.sort();
    ips
}

async fn lookup(dns: &Dns, name: &str) -> Vec<IpAddr> {
    let mut found = dns.lookup(name).await;
    found.sort();
    found
}

#[tokio::test]
async fn a_name_has_all_its_addresses() {
    let both = ["10.1.2.3", "10.9.9.9", "2001:db8::7"];
    let server = DnsServer::start(&[("seed.test", &both)]).await;
    let dns = Dns::new(Some(server.addr));
    assert_eq!(lookup(&dns, "seed.test").await, ips(&both));
}

#[tokio::test]
async fn a_name_that_does_not_exist_has_none() {
    let server = DnsServer::start(&[("seed.test", &["10.1.2.3"])]).await;
    let dns = Dns::new(Some(server.addr));
    assert_eq!(lookup(&dns, "x9.seed.test").await, ips(&[]));
    assert_eq!(lookup(&dns, "seed.test").await, ips(&["10.1.2.3"]));
}

#[tokio::test]
async fn an_address_is_its_own_answer() {
    let dns = Dns::new(Some("127.0.0.1:9".parse().unwrap()));
    assert_eq!(lookup(&dns, "192.0.2.1").await, ips(&["192.0.2.1"]));
    assert_eq!(lookup(&dns, "::1").await, ips(&["::1"]));
}

#[tokio::test]
async fn one_seed_gives_no_more_than_32_addresses() {
    let many: Vec<String> = (1..=60).map(|i| format!("10.0.0.{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let server = DnsServer::start(&[("big.test", &many)]).await;
    let dns = Dns::new(Some(server.addr));
    assert_eq!(dns.lookup("big.test").await.len(), 32);
}
