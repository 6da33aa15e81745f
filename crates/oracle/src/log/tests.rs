use super::{lines_of, refused};

#[test]
fn the_reason_is_what_stands_before_the_first_comma() {
    let line = "2026-01-02T03:04:05Z [error] ProcessNewBlock: AcceptBlock FAILED (bad-txnmrklroot, hashMerkleRoot mismatch)\n";
    let refused = refused(line).unwrap();
    assert_eq!(refused.block, None);
    assert_eq!(refused.reason, "bad-txnmrklroot");
    assert_eq!(refused.detail, "hashMerkleRoot mismatch");
}

#[test]
fn a_block_that_does_not_connect_is_named() {
    let line = "[error] ConnectTip: ConnectBlock 00ff failed, block-script-verify-flag-failed (Signature must be zero for failed CHECK(MULTI)SIG operation), input 0 of ab (wtxid cd), spending ef:1";
    let refused = refused(line).unwrap();
    assert_eq!(refused.block.as_deref(), Some("00ff"));
    assert_eq!(
        refused.reason,
        "block-script-verify-flag-failed (Signature must be zero for failed CHECK(MULTI)SIG operation)"
    );
    assert_eq!(refused.detail, "input 0 of ab (wtxid cd), spending ef:1");
}

#[test]
fn a_reason_may_stand_alone() {
    let refused = refused("[error] ProcessNewBlock: AcceptBlock FAILED (high-hash)").unwrap();
    assert_eq!(
        (refused.reason.as_str(), refused.detail.as_str()),
        ("high-hash", "")
    );
}

#[test]
fn other_lines_say_nothing_about_a_refusal() {
    assert_eq!(refused("[info] UpdateTip: new best=00 height=1"), None);
    assert_eq!(refused("[info] ConnectBlock 00"), None);
}

#[test]
fn nothing_is_kept_while_nobody_listens() {
    let ((), lines) = lines_of(|| ());
    assert!(lines.is_empty());
}
