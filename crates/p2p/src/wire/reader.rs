//! Reads the protocol's integers, strings and addresses from a payload, never past its end.

use std::net::Ipv6Addr;

use bytes::Bytes;

use super::DecodeError;
use crate::addr::{Address, Host};

/// No length in the protocol is larger.
const MAX_LENGTH: u64 = 0x0200_0000;

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(super) fn slice(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(DecodeError::EndOfData)?;
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(DecodeError::EndOfData)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16_be(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A number of variable size, of which only the shortest form is valid.
    pub(super) fn compact_u64(&mut self) -> Result<u64, DecodeError> {
        let (value, least) = match self.u8()? {
            0xfd => (u64::from(u16::from_le_bytes(self.array()?)), 0xfd),
            0xfe => (u64::from(self.u32()?), 0x1_0000),
            0xff => (self.u64()?, 0x1_0000_0000),
            small => (u64::from(small), 0),
        };
        if value < least {
            return Err(DecodeError::NonCanonicalLength);
        }
        Ok(value)
    }

    /// The length of something.
    pub(super) fn length(&mut self) -> Result<u64, DecodeError> {
        match self.compact_u64()? {
            len if len > MAX_LENGTH => Err(DecodeError::TooLong(len)),
            len => Ok(len),
        }
    }

    /// An address as `version` and `addr` have it: 16 bytes and a port.
    pub(super) fn address_v1(&mut self) -> Result<Address, DecodeError> {
        let ip: [u8; 16] = self.array()?;
        let port = self.u16_be()?;
        Ok(Address::new(Ipv6Addr::from(ip), port))
    }

    /// An address of BIP155. One of a network that this node does not know is [`Address::UNSPECIFIED`], and so is an
    /// IPv6 address that wraps an IPv4 one, which BIP155 forbids: nobody uses or relays those.
    pub(super) fn address_v2(&mut self) -> Result<Address, DecodeError> {
        const MAX_ADDRESS_LENGTH: u64 = 512;
        let network = self.u8()?;
        let length = self.length()?;
        if length > MAX_ADDRESS_LENGTH {
            return Err(DecodeError::TooLong(length));
        }
        let bytes = self.slice(length as usize)?;
        let port = self.u16_be()?;

        let wrong_length = DecodeError::AddressLength { network, length };
        let host = match network {
            1 => Host::Ipv4(fixed::<4>(bytes).ok_or(wrong_length)?.into()),
            2 => {
                let ip = Ipv6Addr::from(fixed::<16>(bytes).ok_or(wrong_length)?);
                if ip.to_ipv4_mapped().is_some() {
                    return Ok(Address::UNSPECIFIED);
                }
                Host::Ipv6(ip)
            }
            4 => Host::TorV3(fixed(bytes).ok_or(wrong_length)?),
            5 => Host::I2p(fixed(bytes).ok_or(wrong_length)?),
            6 => Host::Cjdns(fixed::<16>(bytes).ok_or(wrong_length)?.into()),
            _ => return Ok(Address::UNSPECIFIED),
        };
        Ok(Address { host, port })
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}
