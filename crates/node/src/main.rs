//! The binary `tipward`: everything it does is in the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    tipward::commands::run(std::env::args_os())
}
