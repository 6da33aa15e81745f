//! What the command line says of itself to shells and to `man`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap_complete::Shell;

/// Options of `tipward completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward completions bash > ~/.local/share/bash-completion/completions/tipward
  tipward completions zsh > ~/.zfunc/_tipward
  tipward completions fish > ~/.config/fish/completions/tipward.fish")]
pub struct CompletionsArgs {
    /// Shell to write for
    pub shell: Shell,
}

/// Options of `tipward man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  tipward man | man -l -                 read it
  tipward man --dir ~/.local/share/man/man1
                                         so that `man tipward` and `man tipward-serve` find it")]
pub struct ManArgs {
    /// Write a page for each command into this directory, instead of the first one to standard output
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Prints what a shell needs to complete our command line.
pub(crate) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "tipward", &mut text);
    print(&text)
}

/// Prints the manual page, or writes all of them.
pub(crate) fn man(args: &ManArgs, command: clap::Command) -> anyhow::Result<()> {
    match &args.dir {
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(command).render(&mut text)?;
            print(&text)
        }
        Some(dir) => write_all(dir, command)
            .with_context(|| format!("cannot write the manual pages into {}", dir.display())),
    }
}

fn write_all(dir: &Path, command: clap::Command) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(command, dir)
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
