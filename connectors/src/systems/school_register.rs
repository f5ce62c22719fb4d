//! The national register of schools: DUO's open education data, as CSV files. From a URL or a file on this machine.
//!
//! <https://www.duo.nl/open_onderwijsdata/databestanden/po/adressen/>

mod columns;
mod csv_file;
mod dialect;
mod map;
mod names;
mod region;
mod rows;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use entity::vocabulary::{RecordType, SourceKind};
use serde_json::Value;

use self::columns::Needed;
use self::csv_file::Place;
use super::{Entry, paging};
use crate::api::Api;
use crate::connector::{Connector, Manifest, Mapped, Page, ReadRequest, Refused, Replication, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::SourceSettings;

const BOARDS: StreamSpec =
    StreamSpec { name: "boards", replication: Replication::Full, records: &[RecordType::SchoolBoard], optional: false };
const SCHOOLS: StreamSpec =
    StreamSpec { name: "schools", replication: Replication::Full, records: &[RecordType::School], optional: false };

static MANIFEST: Manifest = manifest(&[BOARDS, SCHOOLS]);
/// Where no register of boards is configured, its stream is not there at all. An empty one would tell the engine that
/// every board is gone, and one that may be lacking would hide that the register's address is wrong.
static WITHOUT_BOARDS: Manifest = manifest(&[SCHOOLS]);

const fn manifest(streams: &'static [StreamSpec]) -> Manifest {
    Manifest {
        id: "school_register",
        standard: "DUO open education data (CSV)",
        kind: SourceKind::NationalRegister,
        mapping_version: 1,
        streams: Cow::Borrowed(streams),
    }
}

/// The registry's entry.
pub(super) const ENTRY: Entry = Entry { manifest: &MANIFEST, build };

fn build(settings: &SourceSettings) -> Result<Arc<dyn Connector>> {
    let wrong = |what: &str| Error::new(ErrorKind::Configuration, format!("source `{}`: {what}", settings.id));
    let locations = settings.locations.clone().ok_or_else(|| wrong("locations is missing"))?;
    let asks_for_boards = settings.streams.iter().flatten().any(|name| name == BOARDS.name);
    if asks_for_boards && settings.boards.is_none() {
        return Err(wrong("boards is missing, and streams asks for them"));
    }
    Ok(Arc::new(SchoolRegister { locations, boards: settings.boards.clone() }))
}

/// Reads DUO's files.
struct SchoolRegister {
    locations: String,
    boards: Option<String>,
}

#[async_trait]
impl Connector for SchoolRegister {
    fn manifest(&self) -> &Manifest {
        if self.boards.is_some() { &MANIFEST } else { &WITHOUT_BOARDS }
    }

    async fn read(&self, api: &Api, request: ReadRequest<'_>) -> Result<Page> {
        let (location, needed) = match (request.stream, &self.boards) {
            ("boards", Some(boards)) => (boards, Needed::of_boards()),
            ("boards", None) => return Err(Error::new(ErrorKind::Configuration, "boards is missing")),
            _ => (&self.locations, Needed::of_schools()),
        };
        let file = api.file(location).await?;
        let place: Option<Place> = paging::place(request.token)?;
        let page = csv_file::page(&file, place, needed, request.stream).await?;
        // Somebody may have written a new file over this one while it was being read.
        if api.file(location).await?.version != file.version {
            return Err(csv_file::changed(request.stream));
        }
        Ok(page)
    }

    fn map(&self, stream: &str, raw: &Value) -> std::result::Result<Mapped, Refused> {
        match stream {
            "boards" => map::board(raw),
            _ => map::school(raw),
        }
    }
}

#[cfg(test)]
mod tests;
