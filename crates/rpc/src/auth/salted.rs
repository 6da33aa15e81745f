use std::fmt;
use std::str::FromStr;

use bitcoin::hex::FromHex as _;

use super::{digest, same};

/// A name and a salted password, as Bitcoin Core's `share/rpcauth/rpcauth.py` makes them: `name:salt$hash`, the hash being
/// HMAC-SHA256 of the password under the salt, in hexadecimal. Whoever reads it cannot log in with it.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltedLogin {
    pub(super) user: String,
    salt: String,
    hash: [u8; 32],
}

/// This is no [`SaltedLogin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be NAME:SALT$HASH, HASH being 64 hex digits, as share/rpcauth/rpcauth.py of Bitcoin Core prints it"
)]
pub struct InvalidLogin;

impl SaltedLogin {
    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn has_password(&self, password: &[u8]) -> bool {
        same(&digest(self.salt.as_bytes(), password), &self.hash)
    }
}

impl FromStr for SaltedLogin {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, InvalidLogin> {
        let (user, salted) = text.split_once(':').ok_or(InvalidLogin)?;
        let (salt, hash) = salted.split_once('$').ok_or(InvalidLogin)?;
        if salted.contains(':') {
            return Err(InvalidLogin);
        }
        Ok(Self {
            user: user.to_owned(),
            salt: salt.to_owned(),
            hash: <[u8; 32]>::from_hex(hash).map_err(|_| InvalidLogin)?,
        })
    }
}

/// Neither salt nor hash gets into a log.
impl fmt::Debug for SaltedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaltedLogin")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
