//! The real binary as a process of its own: its settings in a file, its log read along, and signals.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long a process may take for what it should do at once, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary that was built beside this test.
///
/// # Errors
/// Where there is none.
pub fn binary() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("the folder of the build")?;
    let binary = folder.join(format!("hub{}", std::env::consts::EXE_SUFFIX));
    ensure!(binary.exists(), "build the workspace first: {} is not there", binary.display());
    Ok(binary)
}

/// A hub in a process of its own. Killed where it is dropped.
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
    /// Its folder, with its configuration and what goes with it.
    pub folder: TempDir,
}

impl Process {
    /// Runs `hub` with these arguments and this configuration.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(arguments: &[&str], configuration: &str) -> Result<Self> {
        Self::start_program(&binary()?, arguments, configuration)
    }

    /// As [`Process::start`], of this program.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_program(program: &Path, arguments: &[&str], configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("hub.toml"), configuration)?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path()).env_clear().kill_on_drop(true);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("hub")?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().context("its log")?).lines();
        let kept = Arc::clone(&log);
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Self { child, log, reading, folder })
    }

    /// What it has logged so far, a line each.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The memory that it takes of the machine, in kibibytes: its resident set.
    ///
    /// # Errors
    /// Where it is gone, or this machine does not tell.
    pub fn memory(&self) -> Result<u64> {
        let id = self.child.id().context("it is gone")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// The first line of the log that has this field, read.
    ///
    /// # Errors
    /// Where none comes in a minute.
    pub async fn logged(&self, field: &str) -> Result<Value> {
        let began = Instant::now();
        loop {
            for line in self.log() {
                let line: Value = serde_json::from_str(&line).unwrap_or_default();
                if line.get(field).is_some() {
                    return Ok(line);
                }
            }
            if began.elapsed() > PATIENCE || self.reading.is_finished() {
                bail!("`{field}` is not in the log:\n{}", self.log().join("\n"));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where it serves.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn address(&self) -> Result<String> {
        let line = self.logged("http.listen").await?;
        Ok(format!("http://{}", line["http.listen"].as_str().context("an address")?))
    }

    /// Where it tells its metrics.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn backstage(&self) -> Result<String> {
        let line = self.logged("metrics.listen").await?;
        Ok(format!("http://{}", line["metrics.listen"].as_str().context("an address")?))
    }

    /// Sends it a signal, as `TERM`.
    ///
    /// # Errors
    /// Where it is gone.
    pub async fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().context("it is gone")?;
        let status = Command::new("kill").args([format!("-{name}"), id.to_string()]).status().await?;
        ensure!(status.success(), "kill -{name} {id}");
        Ok(())
    }

    /// Tells it to stop, and waits until it has: how it ended, and its whole log.
    ///
    /// # Errors
    /// Where it does not stop in a minute.
    pub async fn stop(self) -> Result<(ExitStatus, Vec<String>)> {
        self.signal("TERM").await?;
        self.ended().await
    }

    /// Waits until it has ended by itself. Returns how, and its log.
    ///
    /// # Errors
    /// Where it does not end in a minute.
    pub async fn ended(mut self) -> Result<(ExitStatus, Vec<String>)> {
        let status = timeout(PATIENCE, self.child.wait()).await.context("it does not stop")??;
        self.reading.await?;
        let log = std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((status, log))
    }
}
