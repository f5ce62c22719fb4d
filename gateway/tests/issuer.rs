//! The binary against a certified OpenID provider, `oidc-provider`, which Node runs from `tests/npm/issuer`. Where Node
//! or its packages are not there, this says so, and in CI that is a failure.

use std::path::Path;
use std::process::Command;

#[test]
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment whether they are in CI")]
fn tokens_of_a_certified_provider_are_taken_and_forged_ones_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/npm/issuer");
    let node = Command::new("node").arg("--version").output();
    if node.is_err() || !folder.join("node_modules").is_dir() {
        assert!(std::env::var_os("CI").is_none(), "Node or the packages of tests/npm/issuer are not there");
        println!("SKIPPED: Node or the packages of tests/npm/issuer are not there: run `npm ci` in it");
        return;
    }
    let mut command = Command::new("node");
    command.args(["--test", "issuer.test.mjs"]).current_dir(folder).env("HUB_BIN", env!("CARGO_BIN_EXE_hub"));
    let output = command.output().expect("Node runs");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
}
