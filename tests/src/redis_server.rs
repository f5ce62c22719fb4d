//! A Redis server of a test's own, to be frozen, filled, restarted and ended.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gateway::config::{ConnectionUrl, RedisSettings};
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// A Redis server that keeps nothing on disk. Killed where it is dropped.
pub struct RedisServer {
    child: Child,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Starts one. `None` where this machine has none.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn start() -> Result<Option<Self>> {
        Self::start_as(Vec::new()).await
    }

    /// As [`RedisServer::start`], with these arguments before its own.
    ///
    /// # Errors
    /// As there.
    pub async fn start_as(arguments: Vec<String>) -> Result<Option<Self>> {
        if std::process::Command::new("redis-server").arg("--version").output().is_err() {
            super::skipped("Redis of a test's own: there is no redis-server on this machine");
            return Ok(None);
        }
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        let server = Self { child: spawn(port, &folder, &arguments)?, port, folder, arguments };
        server.connect().await?;
        Ok(Some(server))
    }

    /// Where it is.
    #[must_use]
    pub fn settings(&self) -> RedisSettings {
        RedisSettings { url: Some(ConnectionUrl::from(self.url().as_str())) }
    }

    /// The port it listens at, on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test's own.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn connect(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        for _ in 0..200 {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return Ok(connection),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
        bail!("Redis does not answer at {}", self.url())
    }

    /// Stops it in the middle of whatever it does: connections stay and nothing is answered.
    ///
    /// # Errors
    /// Where it has ended.
    pub async fn freeze(&self) -> Result<()> {
        self.signal("STOP").await
    }

    /// Goes on where it was frozen.
    ///
    /// # Errors
    /// Where it has ended.
    pub async fn thaw(&self) -> Result<()> {
        self.signal("CONT").await
    }

    /// Ends it at once. What it held is gone.
    ///
    /// # Errors
    /// Where the system does not say that it ended.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Starts it anew at the same address, with nothing in it.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill().await?;
        self.child = spawn(self.port, &self.folder, &self.arguments)?;
        self.connect().await?;
        Ok(())
    }

    async fn signal(&self, name: &str) -> Result<()> {
        let pid = self.child.id().context("Redis has ended")?.to_string();
        let status = Command::new("kill").args([format!("-{name}"), pid]).status().await?;
        anyhow::ensure!(status.success(), "kill -{name}: {status}");
        Ok(())
    }
}

/// A port that was free just now.
///
/// # Errors
/// Where there is none.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn spawn(port: u16, folder: &TempDir, arguments: &[String]) -> Result<Child> {
    let mut command = Command::new("redis-server");
    // A file of settings would have to come first.
    command.args(arguments);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().context("redis-server")
}
