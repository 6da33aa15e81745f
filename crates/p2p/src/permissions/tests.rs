use super::*;

fn host(text: &str) -> Host {
    text.parse().unwrap()
}

fn names(entries: &[&str], addr: &str, kind: ConnKind) -> Vec<&'static str> {
    let entries: Vec<Permitted> = entries.iter().map(|e| e.parse().unwrap()).collect();
    permitted(&entries, &host(addr), kind).names()
}

#[test]
fn a_permission_counts_for_inbound_peers_of_its_subnet_unless_a_direction_is_named() {
    use ConnKind::{Inbound, Manual, OutboundFullRelay};
    let near = "10.0.0.7";
    for (entry, inbound, manual) in [
        ("download@10.0.0.0/8", true, false),
        ("in,download@10.0.0.0/8", true, false),
        ("out,download@10.0.0.0/8", false, true),
        ("in,out,download@10.0.0.0/8", true, true),
        ("download,,out,in,@10.0.0.7", true, true),
        ("download@11.0.0.0/8", false, false),
    ] {
        assert_eq!(!names(&[entry], near, Inbound).is_empty(), inbound);
        assert_eq!(!names(&[entry], near, Manual).is_empty(), manual);
        assert!(names(&[entry], near, OutboundFullRelay).is_empty());
    }
}

#[test]
fn noban_implies_download_and_all_entries_add_up() {
    let inbound = ConnKind::Inbound;
    let both = ["noban", "download"];
    assert_eq!(names(&["noban@1.2.3.4"], "1.2.3.4", inbound), both);
    assert_eq!(names(&["1.2.3.4"], "1.2.3.4", inbound), both);
    assert_eq!(names(&["::1"], "::1", inbound), both);
    let few = ["download@1.2.0.0/16", "noban@1.2.3.0/255.255.255.0"];
    assert_eq!(names(&few, "1.2.3.4", inbound), both);
    assert_eq!(names(&few, "1.2.4.4", inbound), ["download"]);
    // As Core has it: no word at all, and then nothing.
    assert!(names(&["@1.2.3.4"], "1.2.3.4", inbound).is_empty());
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let error = |text: &str| text.parse::<Permitted>().unwrap_err();
    for word in [
        "relay",
        "forcerelay",
        "mempool",
        "bloom",
        "bloomfilter",
        "addr",
        "all",
    ] {
        let error = error(&format!("noban,{word}@1.2.3.4"));
        assert!(matches!(&error, PermittedError::Meaningless(w, _) if w == word));
    }
    assert_eq!(
        error("nobann@1.2.3.4"),
        PermittedError::Unknown("nobann".to_owned())
    );
    assert!(matches!(
        error("in,out@1.2.3.4"),
        PermittedError::OnlyDirection(_)
    ));
    for text in [
        "noban@",
        "noban@1.2.3.4/33",
        "",
        "noban@a.example",
        "1.2.3.4:8333",
    ] {
        assert!(matches!(error(text), PermittedError::Subnet(_)), "{text}");
    }
}
