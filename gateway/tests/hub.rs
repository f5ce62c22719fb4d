//! The binary as its users meet it: exit codes, what goes where, signals. Here and not in `tests/it`, for only this
//! package's tests are told where the binary is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use tempfile::TempDir;

fn hub(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    command.args(arguments).current_dir(directory).env_clear();
    command
}

fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = hub(directory, arguments).output().expect("the binary does its part");
    (
        status.code(),
        String::from_utf8(stdout).expect("the binary does its part"),
        String::from_utf8(stderr).expect("the binary does its part"),
    )
}

#[test]
fn bad_use_and_bad_configuration_end_with_2() {
    let directory = TempDir::new().unwrap();
    assert_eq!(run(directory.path(), &["dance"]).0, Some(2));
    let (code, stdout, stderr) = run(directory.path(), &["migrate", "status", "--config", "missing.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let expected =
        "error: missing.toml: cannot be read (entity not found): name another with --config, or correct its rights\n";
    assert_eq!(stderr, expected);

    let written = "[http]\nlissen = 1\n[sync]\nworkers = 0\n";
    std::fs::write(directory.path().join("hub.toml"), written).unwrap();
    let (code, _, stderr) = run(directory.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.lines().all(|line| line.starts_with("error: hub.toml: ")), "{stderr}");
}

#[test]
fn a_failure_ends_with_1() {
    let directory = TempDir::new().unwrap();
    let output = hub(directory.path(), &["migrate", "up"])
        .env("HUB__DATABASE__URL", "sqlite://nowhere/hub.db?mode=rwc")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "error: the directory nowhere of database.url does not exist: create it, or name another\n");
}

#[test]
fn answers_go_to_standard_output_and_the_log_does_not() {
    let directory = TempDir::new().unwrap();
    let (code, stdout, stderr) = run(directory.path(), &["migrate", "up"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.lines().all(|line| line.ends_with("  taken")), "{stdout}");
    assert!(stderr.lines().all(|line| line.starts_with('{')), "the log is JSON where nobody reads along: {stderr}");
    let (code, stdout, _) = run(directory.path(), &["check"]);
    assert_eq!(code, Some(0));
    let expected = "ok    configuration  0 sources\nok    database       SQLite, the schema is up to date\nok    redis          \
                    not set, the cache is in the process\n";
    assert_eq!(stdout, expected);
}

/// A hub that serves on a free port; killed if a test ends before it does.
struct Serving {
    child: Child,
    address: String,
    log: BufReader<ChildStderr>,
}

impl Serving {
    fn start(directory: &Path) -> Self {
        let mut command = hub(directory, &["serve"]);
        let mut child = command
            .env("HUB__HTTP__LISTEN", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary does its part");
        let mut log = BufReader::new(child.stderr.take().expect("the binary does its part"));
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).expect("the binary does its part"), 0, "it ended before it served");
            if let Some((_, rest)) = line.split_once("serving on http://") {
                break rest.split('"').next().expect("the binary does its part").to_owned();
            }
        };
        Self { child, address, log }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .expect("the binary does its part");
        assert!(status.success());
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("the binary does its part");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n")
            .expect("the binary does its part");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the binary does its part");
        answer
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.log.read_to_string(&mut log).expect("the binary does its part");
        (self.child.wait().expect("the binary does its part").code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

#[test]
fn the_gateway_makes_its_embedded_store_serves_and_stops_when_told() {
    let directory = TempDir::new().unwrap();
    for signal in ["TERM", "INT"] {
        let serving = Serving::start(directory.path());
        assert!(serving.get("/readyz").starts_with("HTTP/1.1 200 OK"), "ready once it serves");
        serving.signal(signal);
        let (code, log) = serving.end();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("\"stopped\""), "{log}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a plain test, without a runtime to block")]
fn a_second_signal_ends_at_once() {
    let directory = TempDir::new().unwrap();
    let serving = Serving::start(directory.path());
    // A request that never comes whole keeps the hub waiting for its grace.
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    write!(stream, "POST /graphql HTTP/1.1\r\nhost: hub\r\ncontent-length: 10\r\n\r\n").unwrap();
    let mut kept = TcpStream::connect(&serving.address).unwrap();
    write!(kept, "GET /livez HTTP/1.1\r\nhost: hub\r\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    serving.signal("INT");
    std::thread::sleep(std::time::Duration::from_millis(200));
    serving.signal("INT");
    let (code, log) = serving.end();
    assert_eq!(code, Some(130), "{log}");
}
