//! The address manager as the content of a sealed file.
//!
//! ```text
//! key of the tables    16 bytes
//! entries of tried     u32, then each: entry
//! entries of new       u32, then each: entry, number of buckets u8, each bucket u16
//!
//! entry: network u8 (BIP155), host (4, 16 or 32 bytes), port u16, services u64, seen u64,
//!        source network u8, source host, last success u64, failures since u32
//! ```
//! Integers are little-endian, times are microseconds since the Unix epoch. What is only worth remembering while the
//! node runs (attempts in progress, collisions) is not in it.

use tipward_primitives::Timestamp;

use super::entry::{Entry, MAX_REFS};
use super::tables::{Id, NEW_BUCKETS, Tables};
use crate::addr::{Address, Host};
use crate::sealed::{LoadError, Seal};

const SEAL: Seal = Seal {
    magic: b"tipward peers\n",
    version: 1,
};

pub(super) fn write(tables: &Tables) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(tables.key);
    let buckets = tables.new_buckets();
    for tried in [true, false] {
        let count = tables.entries(tried).count() as u32;
        out.extend(count.to_le_bytes());
        for (id, entry) in tables.entries(tried) {
            write_entry(entry, &mut out);
            if !tried {
                let buckets = &buckets[id as usize];
                out.push(buckets.len() as u8);
                for bucket in buckets {
                    out.extend(bucket.to_le_bytes());
                }
            }
        }
    }
    SEAL.close(&out)
}

pub(super) fn read(bytes: &[u8]) -> Result<Tables, LoadError> {
    let body = SEAL.open(bytes)?;
    read_body(&mut Input(body)).ok_or(LoadError::Damaged)
}

fn read_body(input: &mut Input<'_>) -> Option<Tables> {
    let mut tables = Tables::new(input.array()?);
    for _ in 0..u32::from_le_bytes(input.array()?) {
        let id = read_entry(input, &mut tables)?;
        let reached = tables.get(id).last_success > Timestamp::default();
        if !reached || !tables.restore_tried(id) {
            return None;
        }
    }
    for _ in 0..u32::from_le_bytes(input.array()?) {
        let id = read_entry(input, &mut tables)?;
        let [buckets] = input.array()?;
        if buckets == 0 || buckets > MAX_REFS {
            return None;
        }
        for _ in 0..buckets {
            let bucket = usize::from(u16::from_le_bytes(input.array()?));
            if bucket >= NEW_BUCKETS || !tables.restore_new(id, bucket) {
                return None;
            }
        }
    }
    input.0.is_empty().then_some(tables)
}

fn write_host(host: &Host, out: &mut Vec<u8>) {
    out.push(host.network().bip155_id());
    match host {
        Host::Ipv4(ip) => out.extend(ip.octets()),
        Host::Ipv6(ip) | Host::Cjdns(ip) => out.extend(ip.octets()),
        Host::TorV3(key) | Host::I2p(key) => out.extend(key),
    }
}

fn write_entry(e: &Entry, out: &mut Vec<u8>) {
    write_host(&e.addr.host, out);
    out.extend(e.addr.port.to_le_bytes());
    out.extend(e.services.to_u64().to_le_bytes());
    out.extend(e.seen.as_micros().to_le_bytes());
    write_host(&e.source, out);
    out.extend(e.last_success.as_micros().to_le_bytes());
    out.extend(e.attempts.to_le_bytes());
}

fn read_entry(input: &mut Input<'_>, tables: &mut Tables) -> Option<Id> {
    let addr = Address {
        host: input.host()?,
        port: u16::from_le_bytes(input.array()?),
    };
    let services = u64::from_le_bytes(input.array()?);
    let seen = input.time()?;
    let source = input.host()?;
    if !addr.is_routable() || tables.find(&addr).is_some() {
        return None;
    }
    let id = tables.create(addr, services.into(), source, seen);
    let entry = tables.get_mut(id);
    entry.last_success = input.time()?;
    entry.attempts = u32::from_le_bytes(input.array()?);
    Some(id)
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp::from_micros(u64::from_le_bytes(self.array()?)))
    }

    fn host(&mut self) -> Option<Host> {
        let [network] = self.array()?;
        Some(match network {
            1 => Host::Ipv4(self.array::<4>()?.into()),
            2 => Host::Ipv6(self.array::<16>()?.into()),
            4 => Host::TorV3(self.array()?),
            5 => Host::I2p(self.array()?),
            6 => Host::Cjdns(self.array::<16>()?.into()),
            _ => return None,
        })
    }
}
