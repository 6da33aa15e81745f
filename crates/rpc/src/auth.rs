//! Who may call: HTTP Basic authentication against a cookie file, a name and password, or a name and salted password.

mod salted;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bitcoin::hashes::{Hash as _, HashEngine as _, Hmac, HmacEngine, sha256};
use bitcoin::hex::DisplayHex as _;

pub use salted::{InvalidLogin, SaltedLogin};

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name; must not contain a colon.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// A name and a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }

    /// What goes into a request's `Authorization` header.
    pub fn header(&self) -> String {
        let pair = format!("{}:{}", self.user, self.password);
        format!("Basic {}", BASE64.encode(pair))
    }
}

/// The password does not get into a log.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Who may read the cookie file, and by that call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieReaders {
    /// Who runs the node.
    #[default]
    Owner,
    /// Its group, too.
    Group,
    /// Everybody on the machine.
    All,
}

impl CookieReaders {
    #[cfg(unix)]
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o640,
            Self::All => 0o644,
        }
    }
}

/// The cookie file: credentials made up for one run, which whoever may read the file may use.
///
/// Dropping it removes the file.
#[derive(Debug)]
pub struct Cookie {
    path: PathBuf,
    credentials: Credentials,
}

impl Cookie {
    /// Its usual name, in the network's data directory.
    pub const FILE_NAME: &str = ".cookie";
    /// The user name that all cookies have.
    const USER: &str = "__cookie__";

    /// Writes a new cookie to `path`. It appears at once and whole, readable by whom `readers` says.
    pub fn create(path: &Path, readers: CookieReaders) -> io::Result<Self> {
        let secret: [u8; 32] = rand::random();
        let cookie = Self {
            path: path.to_owned(),
            credentials: Credentials::new(Self::USER, secret.to_lower_hex_string()),
        };
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let pair = format!(
            "{}:{}",
            cookie.credentials.user, cookie.credentials.password
        );
        let mut file = options.open(&temporary)?;
        file.write_all(pair.as_bytes())?;
        // What the process takes off new files' permissions does not count for what the user asked for by name.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(readers.mode()))?;
        fs::rename(&temporary, &cookie.path)?;
        Ok(cookie)
    }

    /// Reads the cookie of a running node.
    pub fn read(path: &Path) -> io::Result<Credentials> {
        let text = fs::read_to_string(path)?;
        match text.trim_end().split_once(':') {
            Some((user, password)) => Ok(Credentials::new(user, password)),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the cookie file holds no user name and password",
            )),
        }
    }

    /// What the file holds.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Cookie {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(target: "rpc", path = %self.path.display(), %error, "cannot remove the cookie file");
        }
    }
}

/// Judges `Authorization` headers.
///
/// Only keyed digests of plain credentials are kept and compared, so that how long a comparison takes says nothing about
/// how much of a guess was right.
pub(crate) struct Auth {
    key: [u8; 32],
    plain: Vec<[u8; 32]>,
    salted: Vec<SaltedLogin>,
}

impl Auth {
    pub(crate) fn new(credentials: &[Credentials], salted: Vec<SaltedLogin>) -> Self {
        let key: [u8; 32] = rand::random();
        Self {
            key,
            plain: credentials
                .iter()
                .map(|c| digest(&key, format!("{}:{}", c.user, c.password).as_bytes()))
                .collect(),
            salted,
        }
    }

    /// Whether this value of the header names one of the logins.
    pub(crate) fn accepts(&self, header: &[u8]) -> bool {
        self.user(header).is_some()
    }

    /// Who this value of the header shows its sender to be; `None` if the name and the password are not one of the logins.
    pub(crate) fn user(&self, header: &[u8]) -> Option<String> {
        let encoded = header.strip_prefix(b"Basic ")?;
        let pair = BASE64.decode(encoded.trim_ascii()).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        let (user, password) = (&pair[..colon], &pair[colon + 1..]);
        let given = digest(&self.key, &pair);
        let is_plain = self
            .plain
            .iter()
            .fold(false, |found, plain| found | same(plain, &given));
        // Every login is tried, whatever came of the others.
        let is_salted = self.salted.iter().fold(false, |found, login| {
            let is_user = same(
                &digest(&self.key, login.user.as_bytes()),
                &digest(&self.key, user),
            );
            found | (is_user & login.has_password(password))
        });
        let user = String::from_utf8(user.to_vec()).ok()?;
        (is_plain | is_salted).then_some(user)
    }
}

fn digest(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut engine = HmacEngine::<sha256::Hash>::new(key);
    engine.input(data);
    Hmac::from_engine(engine).to_byte_array()
}

/// Compares all bytes, whatever the first ones say.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
