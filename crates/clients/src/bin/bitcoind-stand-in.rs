//! The program `tipward` once more, so that the tests here have a file to start it by.

use std::process::ExitCode;

fn main() -> ExitCode {
    tipward::commands::run(std::env::args_os())
}
