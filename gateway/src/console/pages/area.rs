//! What a municipality and a board have in common: their schools, and where needs go unmet.

use chrono::NaiveDate;
use entity::vocabulary::{CommitmentStatus, Theme};
use serde::Deserialize;

use super::origin::Named;
use crate::console::map::{Map, Place};

/// How a theme is covered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Coverage {
    pub(in crate::console) theme: Theme,
    pub(in crate::console) open_needs: i64,
    pub(in crate::console) committed_needs: i64,
    pub(in crate::console) unmet_needs: i64,
    pub(in crate::console) published_offers: i64,
}

/// The longest bar of a chart of these rows.
pub(in crate::console) fn longest<'a>(rows: impl IntoIterator<Item = &'a Coverage>) -> i64 {
    rows.into_iter().map(|row| row.open_needs).max().unwrap_or_default().max(1)
}

/// The schools of an area.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Schools {
    pub(in crate::console) total_count: i64,
    pub(in crate::console) nodes: Vec<School>,
}

/// A school of an area.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct School {
    pub(in crate::console) brin: String,
    pub(in crate::console) name: String,
    location: Option<Place>,
    pub(in crate::console) summary: Summary,
    /// Where a page asks for them.
    #[serde(default)]
    overdue: Late,
}

/// Commitments of a school that are overdue.
#[derive(Debug, Default, Deserialize)]
struct Late {
    nodes: Vec<Commitment>,
}

/// A commitment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Commitment {
    pub(in crate::console) title: String,
    pub(in crate::console) status: CommitmentStatus,
    pub(in crate::console) starts_on: Option<NaiveDate>,
    pub(in crate::console) ends_on: Option<NaiveDate>,
    pub(in crate::console) partner: Named,
}

/// A commitment that is overdue, and its school.
#[derive(Debug)]
pub(in crate::console) struct OverdueRow<'a> {
    pub(in crate::console) commitment: &'a Commitment,
    pub(in crate::console) brin: &'a str,
    pub(in crate::console) school: &'a str,
}

/// How a school stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::console) struct Summary {
    pub(in crate::console) open_needs: i64,
    pub(in crate::console) unmet_needs: i64,
    pub(in crate::console) committed_needs: i64,
    pub(in crate::console) committed_partners: i64,
    pub(in crate::console) available_homes: i64,
    pub(in crate::console) overdue_commitments: i64,
}

impl School {
    /// How many of its needs nobody has stepped into, as a class of the styles: none, few or many.
    pub(in crate::console) fn level(&self) -> &'static str {
        match self.summary.unmet_needs {
            ..=0 => "none",
            1..=2 => "some",
            _ => "many",
        }
    }
}

impl Schools {
    /// Those with coordinates, round their middle. `None`: nothing can be drawn.
    pub(in crate::console) fn map(&self) -> Option<Map> {
        let places: Vec<Place> = self.nodes.iter().filter_map(|school| school.location).collect();
        if places.len() < 2 {
            return None;
        }
        let middle = |of: fn(&Place) -> f64| {
            let (least, most) = places
                .iter()
                .map(of)
                .fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
            f64::midpoint(least, most)
        };
        let middle = Place { latitude: middle(|place| place.latitude), longitude: middle(|place| place.longitude) };
        Map::around(Some(middle), self.nodes.iter().map(|school| school.location))
    }

    /// The commitments of these schools that are overdue, some of each school's.
    pub(in crate::console) fn late(&self) -> Vec<OverdueRow<'_>> {
        let rows = self.nodes.iter().flat_map(|school| {
            let (brin, name) = (school.brin.as_str(), school.name.as_str());
            school.overdue.nodes.iter().map(move |commitment| OverdueRow { commitment, brin, school: name })
        });
        rows.collect()
    }

    /// How many commitments of these schools are overdue.
    pub(in crate::console) fn overdue(&self) -> i64 {
        self.nodes.iter().map(|school| school.summary.overdue_commitments).sum()
    }
}
