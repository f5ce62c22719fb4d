//! A PostgreSQL server of a test's own, to be frozen, killed, restarted, filled, copied to a standby and promoted.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// How long it may take until it answers, on a machine that has much to do.
const PATIENCE: u32 = 1200;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// A server. Killed where it is dropped.
pub struct PostgresServer {
    child: Child,
    /// Where it listens on loopback.
    pub port: u16,
    settings: Vec<String>,
    /// Holds its data, which is its user's.
    folder: TempDir,
}

impl PostgresServer {
    /// Starts one with these settings (`max_connections=5`). `None` where this machine has no programs of PostgreSQL, or
    /// none that may be run.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn start(settings: &[&str]) -> Result<Option<Self>> {
        if programs().is_none() {
            super::skipped("PostgreSQL of a test's own: there is no initdb on this machine");
            return Ok(None);
        }
        let folder = folder()?;
        let mut initdb = program("initdb")?;
        initdb.arg("-D").arg(folder.path().join("data"));
        initdb.args(["-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        succeed(initdb).await.context("initdb")?;
        Self::run(folder, settings.iter().map(|&setting| setting.to_owned()).collect()).await.map(Some)
    }

    /// A standby that follows this server by streaming replication, as `name`.
    ///
    /// # Errors
    /// Where the copy fails, or does not answer.
    pub async fn standby(&self, name: &str) -> Result<Self> {
        let folder = self.copy(&format!("application_name={name}"), &["-R"]).await?;
        let settings = self.settings.iter().filter(|setting| !setting.starts_with("synchronous_standby_names"));
        Self::run(folder, settings.cloned().collect()).await
    }

    /// A copy of its data as they are, from which [`PostgresServer::recover`] begins.
    ///
    /// # Errors
    /// Where the copy fails.
    pub async fn back_up(&self) -> Result<TempDir> {
        self.copy("application_name=backup", &[]).await
    }

    /// A server with a backup's data and whatever these settings have it read behind that.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn recover(backup: TempDir, settings: &[&str]) -> Result<Self> {
        let signal = backup.path().join("data/recovery.signal");
        std::fs::write(&signal, "")?;
        give(&signal)?;
        Self::run(backup, settings.iter().map(|&setting| setting.to_owned()).collect()).await
    }

    async fn copy(&self, connection: &str, arguments: &[&str]) -> Result<TempDir> {
        let folder = folder()?;
        let mut copy = program("pg_basebackup")?;
        copy.arg("-D").arg(folder.path().join("data"));
        copy.args(["-d", &format!("host=127.0.0.1 port={} user=hub {connection}", self.port)]);
        copy.args(["-X", "stream", "-c", "fast", "--no-sync"]).args(arguments);
        succeed(copy).await.context("pg_basebackup")?;
        Ok(folder)
    }

    async fn run(folder: TempDir, settings: Vec<String>) -> Result<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let server = Self { child: spawn(&folder, port, &settings)?, port, settings, folder };
        server.answers().await?;
        Ok(server)
    }

    /// The address that a hub connects to.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Its folder, which its user may write to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a statement, on a connection for it alone.
    ///
    /// # Errors
    /// Where there is no connection, or the server refuses.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let db = self.connect().await?;
        db.execute_unprepared(sql).await?;
        Ok(db.close().await?)
    }

    /// What the first column of the first row says, as text.
    ///
    /// # Errors
    /// Where there is no such row.
    pub async fn ask(&self, sql: &str) -> Result<String> {
        let db = self.connect().await?;
        let statement = Statement::from_string(db.get_database_backend(), format!("SELECT ({sql})::text"));
        let row = db.query_one_raw(statement).await?.context("a row")?;
        let told = row.try_get_by_index(0)?;
        db.close().await?;
        Ok(told)
    }

    /// A connection of the test's own.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn connect(&self) -> Result<DatabaseConnection> {
        let mut options = ConnectOptions::new(self.url());
        options.max_connections(1).acquire_timeout(Duration::from_secs(5)).sqlx_logging(false);
        Ok(Database::connect(options).await?)
    }

    /// Waits until it answers.
    async fn answers(&self) -> Result<()> {
        for _ in 0..PATIENCE {
            if self.ask("SELECT 1").await.is_ok() {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        bail!("PostgreSQL does not answer at {}:\n{log}", self.url())
    }

    /// Stops all of its processes in the middle of whatever they do: connections stay and nothing is answered.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn freeze(&self) -> Result<()> {
        self.signal_all("STOP")
    }

    /// Goes on where it was frozen.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn thaw(&self) -> Result<()> {
        self.signal_all("CONT")
    }

    /// Ends it in order, and every connection with it.
    ///
    /// # Errors
    /// Where it does not end.
    pub async fn stop(&mut self) -> Result<()> {
        signal("INT", self.child.id().context("PostgreSQL has ended")?)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Ends all of its processes at once, as a machine does that loses its power.
    ///
    /// # Errors
    /// Where the system does not say that it ended.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal_all("KILL")?;
        self.child.wait().await?;
        Ok(())
    }

    /// Starts it anew at the same address, with what it had committed.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.folder, self.port, &self.settings)?;
        self.answers().await
    }

    /// Makes a standby the primary.
    ///
    /// # Errors
    /// Where it is none.
    pub async fn promote(&self) -> Result<()> {
        ensure!(self.ask("SELECT pg_promote()").await? == "true", "the standby was not promoted");
        Ok(())
    }

    fn signal_all(&self, name: &str) -> Result<()> {
        let server = self.child.id().context("PostgreSQL has ended")?;
        // First the one that would start others.
        signal(name, server)?;
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            // One that has ended meanwhile needs no signal.
            signal(name, child.parse()?).ok();
        }
        Ok(())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.signal_all("KILL").ok();
        }
    }
}

fn url(port: u16) -> String {
    format!("postgres://hub@127.0.0.1:{port}/postgres")
}

/// The folder of the newest PostgreSQL's programs: Debian keeps them off `PATH`.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|version| Some(version.ok()?.path()));
    let mut folders: Vec<_> = versions.map(|version| version.join("bin")).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.sort();
    folders.pop()
}

/// The numbers of the user that PostgreSQL runs as. `None`: the test's own, which is not root.
fn user() -> Result<Option<(u32, u32)>> {
    let id = |arguments: &[&str]| -> Result<u32> {
        let told = Blocking::new("id").args(arguments).output()?;
        Ok(String::from_utf8(told.stdout)?.trim().parse()?)
    };
    match id(&["-u"])? {
        0 => Ok(Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))),
        _ => Ok(None),
    }
}

/// A folder that PostgreSQL's user owns.
fn folder() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    give(folder.path())?;
    Ok(folder)
}

/// Gives a folder to PostgreSQL's user.
///
/// # Errors
/// Where this machine has no such user.
pub fn give(folder: &Path) -> Result<()> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    if let Some((user, group)) = user()? {
        chown(folder, Some(user), Some(group))?;
    }
    Ok(())
}

/// One of PostgreSQL's programs, as its user: it refuses to run as root.
///
/// # Errors
/// Where this machine has none.
pub fn program(name: &str) -> Result<Command> {
    let program = programs().context("PostgreSQL's programs")?.join(name);
    let Some((user, group)) = user()? else { return Ok(Command::new(program)) };
    let mut command = Command::new("setpriv");
    command.arg("--reuid").arg(user.to_string()).arg("--regid").arg(group.to_string()).arg("--clear-groups");
    command.arg(program);
    Ok(command)
}

/// Runs a command to its end.
///
/// # Errors
/// Where it says that it failed.
pub async fn succeed(mut command: Command) -> Result<()> {
    let done = command.stdin(Stdio::null()).current_dir("/").output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn spawn(folder: &TempDir, port: u16, settings: &[String]) -> Result<Child> {
    let mut command = program("postgres")?;
    command.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
    // What a kill takes from it must be what PostgreSQL says it takes, so `fsync` stays as it is.
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "wal_level=replica"] {
        command.args(["-c", setting]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log"))?;
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().context("postgres")
}

fn signal(name: &str, process: u32) -> Result<()> {
    let told = Blocking::new("kill").args([format!("-{name}"), process.to_string()]).stderr(Stdio::null()).status()?;
    ensure!(told.success(), "kill -{name} {process}");
    Ok(())
}
