//! The answer that feeds a school's card: `queries/school.graphql`.

use chrono::NaiveDate;
use entity::vocabulary::{
    Barrier, CapacityUnit, CommitmentStatus, HousingSegment, HousingType, NeedStatus, PartnerKind, SupportKind, Theme,
    Urgency,
};
use serde::Deserialize;

use crate::console::map::Place;
use crate::console::pages::origin::{Named, Origin};
use crate::console::pages::scheme::Scheme;

#[derive(Debug, Deserialize)]
pub(super) struct Data {
    pub(super) school: Option<School>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct School {
    pub(super) brin: String,
    pub(super) name: String,
    pub(super) denomination: Option<String>,
    pub(super) pupils: Option<i64>,
    pub(super) disadvantage_score: Option<f64>,
    pub(super) website: Option<String>,
    pub(super) address: Option<Address>,
    pub(super) location: Option<Place>,
    pub(super) board: Option<Board>,
    pub(super) municipality: Option<Municipality>,
    pub(super) summary: Summary,
    pub(super) needs: Needs,
    pub(super) committed_partners: Partners,
    /// What its board and the partners themselves see only.
    pub(super) proposed: Proposals,
    pub(super) housing_options: Homes,
    pub(super) housing_schemes: Vec<Scheme>,
    pub(super) initiatives: Vec<Initiative>,
    pub(super) provenance: Origin,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    street: Option<String>,
    house_number: Option<String>,
    postcode: Option<String>,
    city: Option<String>,
}

impl Address {
    /// On one line. `None` where nothing of it is known.
    pub(super) fn line(&self) -> Option<String> {
        let words = |words: [&Option<String>; 2]| {
            let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
            words.join(" ")
        };
        let parts = [words([&self.street, &self.house_number]), words([&self.postcode, &self.city])];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Board {
    pub(super) number: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Municipality {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) is_g4: bool,
    pub(super) region: Option<Region>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) name: String,
    pub(super) is_shrinking: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) open_needs: i64,
    pub(super) committed_needs: i64,
    pub(super) committed_partners: i64,
    pub(super) available_homes: i64,
    pub(super) overdue_commitments: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Needs {
    pub(super) total_count: i64,
    pub(super) nodes: Vec<Need>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Need {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) themes: Vec<Theme>,
    pub(super) support_kinds: Vec<SupportKind>,
    pub(super) barriers: Vec<Barrier>,
    pub(super) urgency: Urgency,
    pub(super) status: NeedStatus,
    pub(super) fte_asked: Option<f64>,
    pub(super) hours_per_week_asked: Option<f64>,
    pub(super) starts_on: Option<NaiveDate>,
    pub(super) ends_on: Option<NaiveDate>,
    pub(super) commitments: Commitments,
    pub(super) suggested_offers: Vec<Suggestion>,
    pub(super) provenance: Origin,
}

#[derive(Debug, Deserialize)]
pub(super) struct Commitments {
    pub(super) nodes: Vec<NeedCommitment>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NeedCommitment {
    pub(super) title: String,
    pub(super) status: CommitmentStatus,
    pub(super) partner: Named,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Suggestion {
    pub(super) score: f64,
    pub(super) distance_km: Option<f64>,
    pub(super) offer: Offer,
    pub(super) reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Offer {
    pub(super) title: String,
    pub(super) partner: Partner,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub(super) score: f64,
    pub(super) weight: f64,
    pub(super) explanation: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Partner {
    pub(super) name: String,
    pub(super) kind: PartnerKind,
    pub(super) website: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partners {
    pub(super) total_count: i64,
    pub(super) edges: Vec<PartnerEdge>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PartnerEdge {
    pub(super) node: Partner,
    pub(super) commitments: Vec<Commitment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commitment {
    pub(super) title: String,
    pub(super) status: CommitmentStatus,
    pub(super) starts_on: Option<NaiveDate>,
    pub(super) ends_on: Option<NaiveDate>,
    pub(super) is_overdue: bool,
    pub(super) capacity: Option<Capacity>,
    pub(super) need: Option<NeedTitle>,
    pub(super) provenance: Origin,
}

#[derive(Debug, Deserialize)]
pub(super) struct Proposals {
    pub(super) nodes: Vec<Proposal>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proposal {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) title: String,
    pub(super) starts_on: Option<NaiveDate>,
    pub(super) ends_on: Option<NaiveDate>,
    pub(super) capacity: Option<Capacity>,
    pub(super) partner: Named,
    pub(super) need: Option<NeedTitle>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NeedTitle {
    pub(super) title: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Capacity {
    pub(super) amount: f64,
    pub(super) unit: CapacityUnit,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Homes {
    pub(super) total_count: i64,
    pub(super) edges: Vec<HomeEdge>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HomeEdge {
    pub(super) distance_km: Option<f64>,
    pub(super) node: Home,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Home {
    pub(super) title: String,
    #[serde(rename = "type")]
    pub(super) home_type: HousingType,
    pub(super) segment: HousingSegment,
    pub(super) homes: i64,
    pub(super) neighbourhood: Option<String>,
    pub(super) municipality: Named,
    pub(super) address: Option<Address>,
    pub(super) location: Option<Place>,
    pub(super) rent_per_month: Money,
    pub(super) service_costs: Option<Money>,
    #[serde(rename = "floorAreaM2")]
    pub(super) floor_area_m2: Option<f64>,
    pub(super) rooms: Option<i64>,
    pub(super) available_from: Option<NaiveDate>,
    pub(super) respond_before: Option<NaiveDate>,
    pub(super) contract_months: Option<i64>,
    pub(super) apply_url: Option<String>,
    pub(super) eligibility: Eligibility,
    pub(super) provenance: Origin,
}

impl Home {
    /// Where it is, as exactly as its source says.
    pub(super) fn place(&self) -> String {
        let address = self.address.as_ref().and_then(Address::line);
        address.or_else(|| self.neighbourhood.clone()).unwrap_or_else(|| self.municipality.name.clone())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Money {
    /// In cents.
    pub(super) amount: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Eligibility {
    pub(super) teachers_only: bool,
    pub(super) starters_only: bool,
    pub(super) via_employer: bool,
    pub(super) minimum_fte: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Initiative {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) summary: String,
}
