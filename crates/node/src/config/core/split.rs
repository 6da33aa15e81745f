//! Which of the process's arguments are in Core's form.

use std::ffi::OsString;

use super::known;

/// Takes the arguments in Core's form out. The rest is for our own parser; `own` is what that knows.
pub(crate) fn split(
    args: impl IntoIterator<Item = OsString>,
    own: &clap::Command,
) -> (Vec<OsString>, Vec<String>) {
    let mut args = args.into_iter();
    let (mut rest, mut cores): (Vec<OsString>, Vec<String>) =
        (args.next().into_iter().collect(), Vec::new());
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str() else {
            rest.push(arg);
            continue;
        };
        // What follows is another parser's business.
        if text == "--" || own.find_subcommand(text).is_some() {
            rest.push(arg);
            rest.extend(args.by_ref());
            break;
        }
        match text {
            // Ours as well: clap adds them to what it parses, and they are not among the options of `own`.
            "-help" | "--help" | "-?" | "-help-debug" => rest.push("--help".into()),
            "-version" | "--version" => rest.push("--version".into()),
            text if is_cores(text, own) => cores.push(text.to_owned()),
            _ => rest.push(arg),
        }
    }
    (rest, cores)
}

fn is_cores(arg: &str, own: &clap::Command) -> bool {
    let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
    if let Some(long) = arg.strip_prefix("--") {
        let name = name(long);
        let is_ours = own.get_arguments().any(|option| {
            option.get_long() == Some(&name)
                || option
                    .get_all_aliases()
                    .is_some_and(|aliases| aliases.contains(&name.as_str()))
        });
        let is_known = known::find(&name).is_some()
            || name
                .strip_prefix("no")
                .is_some_and(|name| known::find(name).is_some());
        return !is_ours && is_known;
    }
    // A letter alone is ours, a number is somebody's value.
    arg.strip_prefix('-').is_some_and(|rest| {
        let name = name(rest);
        name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic())
    })
}
