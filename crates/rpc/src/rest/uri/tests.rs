use super::*;

#[test]
fn a_path_is_what_and_format() {
    for (path, what, format) in [
        ("abc.bin", "abc", Format::Binary),
        ("5/abc.hex", "5/abc", Format::Hex),
        ("abc.json?count=3", "abc", Format::Json),
        ("abc", "abc", Format::Unknown),
        ("abc.xml", "abc.xml", Format::Unknown),
        ("abc.", "abc", Format::Unknown),
        ("a.b.bin", "a.b", Format::Binary),
        ("", "", Format::Unknown),
        (".json", "", Format::Json),
    ] {
        assert_eq!(split(path), (what, format), "{path}");
    }
}

#[test]
fn parameters_are_found_and_decoded() {
    let query = Some("count=5&e%6Dpty&b=%31%3&count=6&u=%ff#count2=7");
    for (name, value) in [
        ("count", Some("5")),
        ("empty", Some("")),
        ("b", Some("1%3")),
        ("u", Some("\u{fffd}")),
        ("count2", None),
        ("coun", None),
    ] {
        assert_eq!(parameter(query, name).as_deref(), value, "{name}");
    }
    assert_eq!(parameter(None, "count"), None);
}

#[test]
fn integers_have_no_plus() {
    assert_eq!(integer::<usize>("12"), Some(12));
    assert_eq!(integer::<i32>("-1"), Some(-1));
    for text in ["", "+1", " 1", "1.0", "-1", "99999999999999999999"] {
        assert_eq!(integer::<usize>(text), None, "{text}");
    }
}
