use super::*;

#[test]
fn a_short_file_with_its_tests_beside_it_is_fine() {
    assert!(judge("crates/x/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests;\n").is_empty());
}

#[test]
fn a_file_of_601_lines_is_too_long_and_one_of_600_is_not() {
    assert!(judge("crates/x/src/a.rs", &"//\n".repeat(600)).is_empty());
    assert_eq!(judge("crates/x/src/a.rs", &"//\n".repeat(601)).len(), 1);
}

#[test]
fn tests_inside_a_source_file_are_refused() {
    let inline = format!("#[cfg(test)]\nmod tests{} }}\n", " {");
    assert_eq!(judge("crates/x/src/a.rs", &inline).len(), 1);
}

#[test]
fn a_crate_without_its_page_is_refused() {
    assert_eq!(judge("crates/x/src/lib.rs", "pub fn a() {}\n").len(), 1);
}
