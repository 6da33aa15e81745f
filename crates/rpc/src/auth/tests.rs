use super::*;

#[test]
fn a_cookie_file_is_whole_private_and_gone_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    // What a crash left.
    fs::write(dir.path().join(".cookie.tmp"), "half").unwrap();
    fs::write(dir.path().join(".cookie"), "old").unwrap();
    let cookie = Cookie::create(dir.path()).unwrap();
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
    assert_eq!(Cookie::read(dir.path()).unwrap(), *cookie.credentials());
    drop(cookie);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn every_cookie_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let first = Cookie::create(dir.path()).unwrap().credentials().clone();
    let second = Cookie::create(dir.path()).unwrap().credentials().clone();
    assert_ne!(first, second);
}

#[test]
fn any_of_several_credentials_lets_in() {
    let (a, b) = (Credentials::new("a", "1"), Credentials::new("b", "2:3"));
    let auth = Auth::new(&[a.clone(), b.clone()]);
    assert!(auth.accepts(a.header().as_bytes()));
    assert!(auth.accepts(b.header().as_bytes()));
    assert!(!auth.accepts(Credentials::new("a", "2:3").header().as_bytes()));
    assert!(!Auth::new(&[]).accepts(a.header().as_bytes()));
}

#[test]
fn a_password_does_not_get_into_a_log() {
    let shown = format!("{:?}", Credentials::new("name", "secret"));
    assert!(shown.contains("name") && !shown.contains("secret"));
}
