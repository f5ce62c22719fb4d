//! What a connector is: it says who it is, reads one page, and maps one record. The engine does everything else:
//! schedule, lease, token, retry, rate limit, watermark, upsert, delete, count.

use std::borrow::Cow;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::vocabulary::{RecordType, SourceKind};
use serde_json::Value;

use crate::api::Api;
use crate::error::Result;
use crate::record::Record;

/// Who a connector is: facts, not code.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its name in configuration.
    pub id: &'static str,
    /// The standard it speaks, with its version.
    pub standard: &'static str,
    /// What kind of system it speaks to.
    pub kind: SourceKind,
    /// Grows whenever `map` makes something else of the same record: all records are then taken in anew.
    pub mapping_version: u32,
    /// What it can read, in the order in which it should be read.
    pub streams: Cow<'static, [StreamSpec]>,
}

/// A stream of records.
#[derive(Clone, Copy, Debug)]
pub struct StreamSpec {
    /// Its name in configuration, refusals and checkpoints.
    pub name: &'static str,
    /// How it is kept in step.
    pub replication: Replication,
    /// What its records become.
    pub records: &'static [RecordType],
    /// Whether systems may lack it: a 404 on the first page then means that there is none, and harms nothing.
    pub optional: bool,
}

/// How a stream is kept in step with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// All of it is read each time; what is no longer there is deleted.
    Full,
    /// What changed since an instant can be asked for, inclusive, in any order.
    Since,
}

/// Which page to read.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest<'a> {
    /// The stream.
    pub stream: &'a str,
    /// Only what changed at this instant or later. `None`: everything. Never set for a [`Replication::Full`] stream.
    pub since: Option<DateTime<Utc>>,
    /// Where to go on, as an earlier page said. `None`: from the start.
    pub token: Option<&'a str>,
}

/// One page of raw records.
#[derive(Debug, Default)]
pub struct Page {
    /// The records as the system gave them. What cannot even be read as one is the connector's to report through
    /// `map`, not to leave out.
    pub records: Vec<Value>,
    /// Where the next page starts. `None`: this was the last.
    pub next: Option<String>,
    /// How many records the whole reading has, where the system says so. For progress only: totals lie.
    pub total: Option<u64>,
}

/// What one raw record became.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// A record.
    Record {
        /// Its identifier in the source.
        external_id: String,
        /// When it last changed there, where the source says so.
        modified_at: Option<DateTime<Utc>>,
        /// What it says.
        record: Box<Record>,
    },
    /// Word that a record is gone.
    Deleted {
        /// Its identifier in the source.
        external_id: String,
        /// What it was.
        record_type: RecordType,
        /// When it went, where the source says so.
        modified_at: Option<DateTime<Utc>>,
    },
    /// Nothing of ours: a department among the organisations, say. The reason goes to the debug log.
    Ignored(&'static str),
}

/// Why a raw record could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its identifier in the source, where it has one.
    pub external_id: Option<String>,
    /// One sentence for each thing that is wrong, naming the field. No contact details.
    pub reasons: Vec<String>,
}

/// Speaks to one kind of partner system. Has no database, cache, clock, sleep, environment, or HTTP client of its own.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Who it is.
    fn manifest(&self) -> &Manifest;

    /// Reads one page. A stream that this connector does not have is a programming error of the engine.
    ///
    /// # Errors
    /// Whatever `api` reports, and [`crate::ErrorKind::Malformed`] where an answer is not what the standard says.
    async fn read(&self, api: &Api, request: ReadRequest<'_>) -> Result<Page>;

    /// Streams whose records can be read one by one.
    fn singles(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads one record of such a stream, as its pages have it. `None`: the system does not know it.
    ///
    /// # Errors
    /// As [`Connector::read`].
    async fn read_one(&self, _api: &Api, _stream: &str, _external_id: &str) -> Result<Option<Value>> {
        Ok(None)
    }

    /// Turns one raw record into one of ours. Pure.
    ///
    /// # Errors
    /// Everything that is wrong with the record, at once.
    fn map(&self, stream: &str, raw: &Value) -> std::result::Result<Mapped, Refused>;
}
