//! From what sources say of a record to its row. Pure, but for looking up nothing that is not known yet: whatever a row
//! needs to know is asked for first ([`Assemble::wanted`]), many rows at a time.

mod commitment;
mod housing;
mod need;
mod offer;
mod partner;
mod school;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::GeoPoint;
use entity::journal::{self, Journal};
use entity::vocabulary::ChangeAction;
use sea_orm::{DatabaseTransaction, DbErr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::record::Municipality;
use crate::sync::namesakes::Namesake;
use crate::sync::resolve::{Known, Wanted};
use crate::sync::writer::Context;

/// What a row has beside what is said of it.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) id: Uuid,
    pub(crate) source_id: String,
    pub(crate) external_id: Option<String>,
}

/// The part of a row that counts and dates its writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stamps {
    pub(crate) version: i32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

impl Stamps {
    /// The stamps of a row that has not been written yet.
    pub(crate) fn first(at: DateTime<Utc>) -> Self {
        Self { version: 1, created_at: at, updated_at: at, deleted_at: None }
    }
}

/// Why a record cannot be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// One sentence each.
    pub(crate) reasons: Vec<String>,
    /// Whether all that is wrong is that another record is not known yet.
    pub(crate) awaits_reference: bool,
    /// Whether a value is missing without which there is no record.
    pub(crate) lacks: bool,
}

impl Faults {
    /// One reason that makes a record one that cannot be taken.
    pub(crate) fn of(reason: impl Into<String>) -> Self {
        Self { reasons: vec![reason.into()], ..Self::default() }
    }

    fn fault(&mut self, reason: impl Into<String>) {
        self.reasons.push(reason.into());
        self.awaits_reference = false;
    }

    fn unknown(&mut self, reason: impl Into<String>) {
        self.awaits_reference = self.reasons.is_empty() || self.awaits_reference;
        self.reasons.push(reason.into());
    }

    /// A required value, or the fault that it is missing.
    fn required<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.lacks = true;
            self.fault(format!("`{name}` is missing"));
        }
        value
    }
}

/// A row made of what is said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assembled<R> {
    pub(crate) row: R,
    /// Whether everything it points to is known. Where not, the row leaves it out and is made again at the next full
    /// reading.
    pub(crate) complete: bool,
}

/// A record as it was made.
pub(crate) struct Built<R: Assemble> {
    /// What is said of it, taken together.
    pub(crate) said: R::Said,
    pub(crate) row: R,
    pub(crate) before: Option<R>,
    /// What happened to it; `None` where its row is as it was.
    pub(crate) action: Option<ChangeAction>,
}

/// A record's row, as made of what is said of it.
pub(crate) trait Assemble: journal::Record + Clone + PartialEq + Sync {
    /// What sources say of it.
    type Said: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// Asks for what [`Assemble::identity`] and [`Assemble::assemble`] need to know.
    fn wanted(said: &Self::Said, wanted: &mut Wanted);

    /// The record that the world's own key for it leads to, where it has such a key and is known.
    fn identity(_said: &Self::Said, _known: &Known) -> Option<Uuid> {
        None
    }

    /// The identifier by which what is written through the interface and what is read from a system can be told to be
    /// one record. `None` where it has none that is sure.
    fn namesake(_said: &Self::Said, _external_id: &str, _known: &Known) -> Option<Namesake> {
        None
    }

    /// Remembers a new identity for the rest of the transaction.
    fn learn(_said: &Self::Said, _known: &mut Known, _id: Uuid) {}

    /// The municipalities that it speaks of.
    fn municipalities(_said: &Self::Said) -> Vec<Municipality> {
        Vec::new()
    }

    /// Looks up what the rows of these records depend on beside what is said of them.
    fn prepare(
        _db: &DatabaseTransaction,
        _ids: &[Uuid],
        _known: &mut Known,
    ) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }

    /// The need whose status may follow from this record.
    fn answers(&self) -> Option<Uuid> {
        None
    }

    /// Whether the record cannot stand where it does if what a system says of it for the first time is true.
    fn is_outdated_by(&self, _said: &Self::Said) -> bool {
        false
    }

    /// Makes the row, with the stamps of a first write.
    fn assemble(
        said: &Self::Said,
        base: Base,
        stamps: Stamps,
        known: &Known,
        before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults>;

    /// Writes what belongs to the records and stands in tables of its own. Returns those whose row need not have
    /// changed, but who have all the same.
    fn follow_up(
        _journal: &Journal,
        _context: &Context,
        _built: &[Built<Self>],
    ) -> impl Future<Output = Result<BTreeSet<Uuid>, DbErr>> + Send {
        async { Ok(BTreeSet::new()) }
    }

    /// The row's stamps.
    fn stamps(&self) -> Stamps;

    /// The same row with other stamps.
    fn stamped(self, stamps: Stamps) -> Self;

    /// The same row, written once more.
    fn again(self, at: DateTime<Utc>, deleted_at: Option<DateTime<Utc>>) -> Self {
        let stamps = self.stamps();
        self.stamped(Stamps { version: stamps.version + 1, updated_at: at, deleted_at, ..stamps })
    }
}

/// The two stamp functions, alike for every record.
macro_rules! stamps {
    () => {
        fn stamps(&self) -> Stamps {
            Stamps {
                version: self.version,
                created_at: self.created_at,
                updated_at: self.updated_at,
                deleted_at: self.deleted_at,
            }
        }

        fn stamped(self, stamps: Stamps) -> Self {
            Self {
                version: stamps.version,
                created_at: stamps.created_at,
                updated_at: stamps.updated_at,
                deleted_at: stamps.deleted_at,
                ..self
            }
        }
    };
}
use stamps;

/// A point's columns: degrees, and the coordinates on the unit sphere.
#[derive(Clone, Copy, Debug, Default)]
struct PointColumns {
    latitude: Option<f64>,
    longitude: Option<f64>,
    x: Option<f64>,
    y: Option<f64>,
    z: Option<f64>,
}

impl From<Option<GeoPoint>> for PointColumns {
    fn from(point: Option<GeoPoint>) -> Self {
        let Some(point) = point else { return Self::default() };
        let [x, y, z] = point.on_unit_sphere();
        Self { latitude: Some(point.latitude), longitude: Some(point.longitude), x: Some(x), y: Some(y), z: Some(z) }
    }
}
