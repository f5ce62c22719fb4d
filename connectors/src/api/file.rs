//! Files: those of this machine as they are, those of others fetched whole into a temporary place, once a run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{ETAG, LAST_MODIFIED};
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::sync::OnceCell;
use url::Url;

use super::{Api, Asking, LocalFile, broken_off, host, looks_like_html, too_large};
use crate::error::{Error, ErrorKind, Result};

/// A download whose next bytes take longer has stalled.
const STALLED: Duration = Duration::from_secs(30);
/// A download takes no longer than this.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// What has been fetched, and where it is kept until the run ends.
#[derive(Default)]
pub(super) struct Files {
    directory: Option<Arc<TempDir>>,
    fetched: HashMap<Url, Arc<OnceCell<LocalFile>>>,
}

impl Api {
    pub(super) async fn fetched(&self, url: Url) -> Result<LocalFile> {
        let (cell, directory) = {
            let mut files = self.files.lock().await;
            let directory = match &files.directory {
                Some(directory) => Arc::clone(directory),
                None => {
                    let directory = Arc::new(tempfile::tempdir().map_err(no_room)?);
                    files.directory = Some(Arc::clone(&directory));
                    directory
                }
            };
            let cell = files.fetched.entry(url.clone()).or_default();
            (Arc::clone(cell), directory)
        };
        let fetch = || async {
            let name = format!("{:032x}", rand::random::<u128>());
            let path = directory.path().join(name);
            match tokio::time::timeout(LONGEST, self.download(&url, path)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(stalled(&url)),
            }
        };
        cell.get_or_try_init(fetch).await.cloned()
    }

    async fn download(&self, url: &Url, path: PathBuf) -> Result<LocalFile> {
        let asking = Asking { headers: &[("accept", "text/csv, */*;q=0.5")], ..Asking::default() };
        let mut opened = self.open(url, &asking).await?;
        let headers = opened.response.headers().clone();
        let mut file = BufWriter::new(File::create(&path).await.map_err(no_room)?);
        let mut size = 0_u64;
        loop {
            let chunk = tokio::time::timeout(STALLED, opened.response.chunk()).await.map_err(|_| stalled(url))?;
            let Some(chunk) = chunk.map_err(|error| broken_off(url, error))? else { break };
            if size == 0 && looks_like_html(&headers, &chunk) {
                let message = format!("{}{}: an HTML page came where a file was due", host(url), url.path());
                return Err(Error::new(ErrorKind::Malformed, message));
            }
            size += chunk.len() as u64;
            if size > self.max_file_bytes {
                return Err(too_large(url, self.max_file_bytes));
            }
            file.write_all(&chunk).await.map_err(no_room)?;
        }
        file.flush().await.map_err(no_room)?;
        let stamp = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let version = stamp(ETAG).or_else(|| stamp(LAST_MODIFIED)).unwrap_or_default();
        Ok(LocalFile { path, version: format!("{size} {version}") })
    }
}

/// A file of this machine.
pub(super) async fn local(path: PathBuf) -> Result<LocalFile> {
    let metadata = tokio::fs::metadata(&path).await.map_err(|error| {
        let message = format!("the file {} cannot be read", path.display());
        Error::new(ErrorKind::File, message).because(error)
    })?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::File, format!("{} is no file", path.display())));
    }
    let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Ok(LocalFile { version: format!("{} {}", metadata.len(), changed.as_nanos()), path })
}

fn no_room(error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, "a temporary file cannot be written: is the disk full?").because(error)
}

fn stalled(url: &Url) -> Error {
    Error::new(ErrorKind::Timeout, format!("the download of {}{} stalled", host(url), url.path()))
}
