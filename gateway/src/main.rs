//! The `hub` binary: one process with roles. What it does is in the library's `commands`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::commands::run()
}
