//! The command line explains itself: to people, to shells, to `man`.

use crate::harness::*;

/// Names of all commands, each with those that it belongs to, by the help of the program itself.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while let Some(command) = found.get(at).cloned() {
        let help = help_of(&command);
        let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        for line in list.lines().take_while(|line| line.starts_with("  ")) {
            let name = line.trim_start().split(' ').next().unwrap_or_default();
            // A line that goes on further to the right belongs to the one before.
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                let mut longer = command.clone();
                longer.push(name.to_owned());
                found.push(longer);
            }
        }
        at += 1;
    }
    found
}

fn help_of(command: &[String]) -> String {
    let help = finish(tipward().args(command).arg("--help"));
    assert!(help.status.success(), "{command:?}: {}", help.stderr);
    help.stdout
}

#[test]
fn every_commands_help_has_an_example_of_that_command() {
    let commands = commands();
    assert!(commands.len() > 12, "{commands:?}");
    for command in commands {
        let help = help_of(&command);
        let examples = help.split("\nExample").nth(1);
        let line = format!("tipward {}", command.join(" "));
        assert!(
            examples.is_some_and(|examples| examples.contains(line.trim_end())),
            "no example of `{line}` in its help:\n{help}"
        );
    }
}

#[test]
fn completions_for_every_shell_know_every_command_and_option() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let written = finish(tipward().args(["completions", shell]));
        assert!(written.status.success(), "{}", written.stderr);
        for name in ["getblock", "nonsense"] {
            assert!(!written.stdout.contains(name), "{shell}: {name}");
        }
        for name in [
            "maxconnections",
            "dbcache",
            "serve",
            "completions",
            "rest-rounds",
        ] {
            assert!(written.stdout.contains(name), "{shell}: {name}");
        }
    }
    let unknown = finish(tipward().args(["completions", "tcsh"]));
    assert!(!unknown.status.success());
    assert!(unknown.stderr.contains("tcsh"), "{}", unknown.stderr);
    // Bash itself takes it, where there is one.
    let dir = temp_dir();
    let script = dir.path().join("tipward.bash");
    let written = finish(tipward().args(["completions", "bash"]));
    std::fs::write(&script, written.stdout).unwrap();
    match std::process::Command::new("bash")
        .arg("-n")
        .arg(&script)
        .status()
    {
        Ok(status) => assert!(status.success()),
        Err(_) => println!("skipped: no bash"),
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let page = finish(tipward().arg("man"));
    assert!(page.status.success(), "{}", page.stderr);
    assert!(page.stdout.contains(".TH tipward 1"), "{}", page.stdout);
    for words in [
        "\\-\\-maxconnections",
        "\\-\\-dbcache",
        "tipward\\-serve(1)",
        "Examples:",
    ] {
        assert!(page.stdout.contains(words), "{words}");
    }
    let dir = temp_dir();
    let pages = dir.path().join("man1");
    let written = finish(tipward().args(["man", "--dir"]).arg(&pages));
    assert!(written.status.success(), "{}", written.stderr);
    for command in commands() {
        let mut name = vec!["tipward".to_owned()];
        name.extend(command);
        let page = pages.join(name.join("-") + ".1");
        let text = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("no {page:?}"));
        assert!(text.contains(".SH SYNOPSIS"), "{page:?}");
    }
}
