use super::*;

#[test]
fn a_cookie_file_is_whole_private_and_gone_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    // What a crash left.
    fs::write(dir.path().join(".cookie.tmp"), "half").unwrap();
    fs::write(dir.path().join(".cookie"), "old").unwrap();
    let cookie = Cookie::create(&dir.path().join(".cookie"), CookieReaders::Owner).unwrap();
    let text = fs::read_to_string(cookie.path()).unwrap();
    let secret = text.strip_prefix("__cookie__:").unwrap();
    assert_eq!(secret.len(), 64);
    assert!(secret.bytes().all(|b| b.is_ascii_hexdigit()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(cookie.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        Cookie::read(&dir.path().join(".cookie")).unwrap(),
        *cookie.credentials()
    );
    drop(cookie);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn every_cookie_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let first = Cookie::create(&dir.path().join(".cookie"), CookieReaders::Owner)
        .unwrap()
        .credentials()
        .clone();
    let second = Cookie::create(&dir.path().join(".cookie"), CookieReaders::Owner)
        .unwrap()
        .credentials()
        .clone();
    assert_ne!(first, second);
}

#[cfg(unix)]
#[test]
fn a_cookie_can_be_for_the_group_or_for_everybody() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    for (readers, expected) in [(CookieReaders::Group, 0o640), (CookieReaders::All, 0o644)] {
        let cookie = Cookie::create(&dir.path().join(".cookie"), readers).unwrap();
        let mode = fs::metadata(cookie.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected);
    }
}

fn user(auth: &Auth, name: &str, password: &str) -> Option<String> {
    auth.user(Credentials::new(name, password).header().as_bytes())
}

#[test]
fn any_of_several_credentials_lets_in() {
    let (a, b) = (Credentials::new("a", "1"), Credentials::new("b", "2:3"));
    let auth = Auth::new(&[a, b], vec![]);
    assert_eq!(user(&auth, "a", "1").as_deref(), Some("a"));
    assert_eq!(user(&auth, "b", "2:3").as_deref(), Some("b"));
    assert_eq!(user(&auth, "a", "2:3"), None);
    assert_eq!(user(&Auth::new(&[], vec![]), "a", "1"), None);
}

/// As Bitcoin Core's `share/rpcauth/rpcauth.py` prints it for the password below.
const SALTED: &str = "alice:f7efda5c189b999524f151318c0c86d5$29f6b98eb2593ddbd093718174a19b97b2fae0d51e59fcbe57ca7c8be8145f67";
const PASSWORD: &str = "correct horse:battery";

#[test]
fn a_salted_password_lets_in() {
    let auth = Auth::new(&[], vec![SALTED.parse().unwrap()]);
    assert_eq!(user(&auth, "alice", PASSWORD).as_deref(), Some("alice"));
    for (name, password) in [
        ("alice", ""),
        ("alice", "correct horse"),
        ("Alice", PASSWORD),
        ("", PASSWORD),
    ] {
        assert_eq!(user(&auth, name, password), None, "{name} {password}");
    }
}

#[test]
fn a_malformed_salted_password_is_refused() {
    let cut = &SALTED[..SALTED.len() - 1];
    for text in ["", "alice", "alice:salt", "alice:salt$", "a:b:c$d", cut] {
        assert_eq!(text.parse::<SaltedLogin>(), Err(InvalidLogin), "{text}");
    }
    let shown = format!("{:?}", SALTED.parse::<SaltedLogin>().unwrap());
    assert!(shown.contains("alice") && !shown.contains("29f6") && !shown.contains("f7ef"));
}

#[test]
fn a_password_does_not_get_into_a_log() {
    let shown = format!("{:?}", Credentials::new("name", "secret"));
    assert!(shown.contains("name") && !shown.contains("secret"));
}
