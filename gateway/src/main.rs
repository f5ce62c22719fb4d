//! The `hub` binary: one process with roles. What it does is in `commands`; what it is made of, in the library.

mod commands;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // Two providers in one binary would panic at the first connection; this one is chosen before there can be any.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        commands::output::problem("TLS was set up twice: this binary is built wrong");
        return ExitCode::FAILURE;
    }
    commands::run().await
}
