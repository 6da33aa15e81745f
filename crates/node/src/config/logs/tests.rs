use super::*;

fn levels(debug: &[&str], levels: &[&str]) -> anyhow::Result<LogLevels> {
    let own = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    LogLevels::new(&own(debug), &own(levels))
}

fn of(levels: &mut LogLevels, name: &str) -> LevelFilter {
    *levels.of(name).unwrap()
}

#[test]
fn debug_raises_only_what_was_asked_for() {
    let mut some = levels(&["net"], &[]).unwrap();
    assert_eq!(of(&mut some, "net"), LevelFilter::DEBUG);
    assert_eq!(of(&mut some, "blocks"), LevelFilter::INFO);
    let mut all = levels(&["all"], &[]).unwrap();
    assert_eq!(of(&mut all, "blocks"), LevelFilter::DEBUG);
    assert_eq!(all.libraries(), LevelFilter::WARN);
}

#[test]
fn what_is_said_of_a_target_wins_over_what_is_said_of_all() {
    let mut some = levels(&["store"], &["blocks:trace", "error", "rpc:off"]).unwrap();
    assert_eq!(of(&mut some, "net"), LevelFilter::ERROR);
    assert_eq!(of(&mut some, "blocks"), LevelFilter::TRACE);
    assert_eq!(of(&mut some, "rpc"), LevelFilter::OFF);
    assert_eq!(of(&mut some, "store"), LevelFilter::DEBUG);
    assert_eq!(some.libraries(), LevelFilter::ERROR);
}

#[test]
fn a_wrong_name_or_level_is_explained() {
    for (debug, level, words) in [
        (
            &["everything"] as &[&str],
            &[] as &[&str],
            "--debug everything: must be one of node, net",
        ),
        (&[], &["loud"], "'loud' must be off, error"),
        (&[], &["blocks:loud"], "'loud' must be off, error"),
        (
            &[],
            &["walls:info"],
            "--loglevel walls:info: the target must be one of node, net",
        ),
    ] {
        let error = levels(debug, level).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn single_targets_are_debugged_and_no_longer() {
    let mut some = levels(&["net"], &["blocks:off"]).unwrap();
    let debugged = |levels: &LogLevels| {
        let details = levels.details();
        assert!(details.is_sorted());
        let debugged = details.into_iter().filter(|(_, on)| *on);
        debugged.map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(debugged(&some), ["net"]);
    assert!(some.set_detail("rpc", true) && some.set_detail("net", false));
    assert_eq!(debugged(&some), ["rpc"]);
    assert!(some.set_detail("all", false));
    assert_eq!(of(&mut some, "blocks"), LevelFilter::OFF);
    assert_eq!(debugged(&some), [""; 0]);
    assert!(some.set_detail("1", true) && !some.set_detail("nonsense", true));
    assert_eq!(debugged(&some).len(), TARGETS.len());
}
