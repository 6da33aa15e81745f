use super::*;

#[test]
fn nothing_of_the_page_comes_from_elsewhere() {
    for asset in &ASSETS {
        for (at, _) in asset.body.match_indices("//") {
            let before = asset.body[..at].chars().next_back();
            let link = asset.body[at..].lines().next().unwrap();
            // A comment, or the name of SVG's vocabulary, which nobody fetches.
            let harmless = before != Some(':') || link.starts_with("//www.w3.org/2000/svg");
            assert!(harmless, "{}: {link}", asset.path);
        }
    }
}

#[test]
fn the_page_keeps_to_its_own_policy() {
    let page = ASSETS[0].body;
    // Neither scripts nor styles within the page, nor handlers of events: the policy forbids all three.
    assert!(!page.contains("<style") && !page.contains(" style="));
    assert!(!page.contains(" onclick") && !page.contains("javascript:"));
    assert_eq!(page.matches("<script").count(), 1);
    for asset in &ASSETS {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!asset.body.contains(word), "{}: {word}", asset.path);
        }
    }
}

#[test]
fn every_file_that_the_page_names_is_there() {
    let there = |path: &str| ASSETS.iter().any(|asset| asset.path == path);
    for asset in &ASSETS {
        for quote in ["\"/watch", "'./"] {
            for (at, _) in asset.body.match_indices(quote) {
                let name = asset.body[at + 1..].split(['"', '\'']).next().unwrap();
                let path = name.replace("./", "/watch/");
                assert!(there(&path) || path == STATUS, "{}: {path}", asset.path);
            }
        }
    }
}

#[test]
fn every_element_that_the_script_writes_to_is_on_the_page() {
    let page = ASSETS[0].body;
    let script = ASSETS
        .iter()
        .find(|a| a.path.ends_with("page.js"))
        .unwrap()
        .body;
    for start in ["el('", "text('", "rows('"] {
        for (at, _) in script.match_indices(start) {
            let id = script[at + start.len()..].split('\'').next().unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        }
    }
}
