//! Municipalities' priority schemes for teachers.

use chrono::NaiveDate;
use entity::vocabulary::SchemeStatus;
use serde::Deserialize;

use super::origin::{Named, Origin};

/// A municipality's priority scheme.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Scheme {
    pub(in crate::console) name: String,
    pub(in crate::console) status: SchemeStatus,
    pub(in crate::console) valid_from: NaiveDate,
    pub(in crate::console) valid_until: Option<NaiveDate>,
    pub(in crate::console) quota: Option<i64>,
    pub(in crate::console) used: Option<i64>,
    pub(in crate::console) municipality: Named,
    pub(in crate::console) registration_url: Option<String>,
    pub(in crate::console) information_url: Option<String>,
    pub(in crate::console) provenance: Origin,
}
