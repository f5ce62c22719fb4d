//! Homes for teachers (lerarenwoningen), written by municipalities and by partners that let homes.

use std::collections::HashMap;

use async_graphql::{InputObject, SimpleObject};
use async_trait::async_trait;
use connectors::record::{self, Reference};
use entity::vocabulary::{HousingSegment, HousingStatus, HousingType};
use entity::{MunicipalityCode, housing_option};
use sea_orm::prelude::Uuid;

use super::answer::{Answer, Payload, UpsertResult, UserError, UserErrorCode, results, taken};
use super::author::Author;
use super::checks::Checks;
use super::input::{AddressInput, Batch, HousingEligibilityInput, LocationInput, municipality, too_many};
use super::offer::Places;
use super::writing::{Work, Writing};
use crate::auth::scope;
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::scalars::Date;
use crate::graphql::types::housing_option::HousingOption;
use crate::graphql::types::node::Node;
use crate::graphql::vocabulary::Term;

/// Homes of one municipality or provider.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct UpsertHousingOptionsInput {
    /// CBS code of the municipality they lie in (`GM0363`), where a home does not say. A municipality's own where absent.
    pub municipality: Option<String>,
    /// The homes, at most 500.
    pub options: Vec<HousingOptionInput>,
    /// For sending them again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// All that its sender says of a home: what is absent, it says nothing of.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct HousingOptionInput {
    /// The sender's own identifier of it: where the hub also reads a municipality's system, the one that it has there.
    pub external_id: String,
    /// Name or address in a line.
    pub title: String,
    /// CBS code of the municipality it lies in (`GM0363`).
    pub municipality: Option<String>,
    /// Neighbourhood (wijk or buurt).
    pub neighbourhood: Option<String>,
    /// Address.
    pub address: Option<AddressInput>,
    /// Where it lies.
    pub location: Option<LocationInput>,
    /// What kind of home it is.
    #[graphql(name = "type")]
    pub housing_type: Term<HousingType>,
    /// The segment it is let in.
    pub segment: Term<HousingSegment>,
    /// Where it stands; available where nobody says.
    pub status: Option<Term<HousingStatus>>,
    /// How many homes; one where absent.
    pub homes: Option<i32>,
    /// Rent per month, in cents EUR.
    pub rent_per_month_cents: i64,
    /// Service costs per month, in cents EUR.
    pub service_costs_cents: Option<i64>,
    /// Floor area, in square metres.
    pub floor_area_m2: Option<f64>,
    /// Number of rooms.
    pub rooms: Option<i32>,
    /// First day it can be let.
    pub available_from: Option<Date>,
    /// Last day to respond.
    pub respond_before: Option<Date>,
    /// Length of the contract, in months; absent: no end.
    pub contract_months: Option<i32>,
    /// Who qualifies.
    pub eligibility: Option<HousingEligibilityInput>,
    /// Where to apply.
    pub apply_url: Option<String>,
}

/// What became of homes.
#[derive(SimpleObject)]
pub(crate) struct UpsertHousingOptionsPayload {
    /// The homes that were taken, as they stand.
    pub housing_options: Items<HousingOption>,
    /// What became of each, in the order of the input.
    pub results: Items<UpsertResult>,
    /// What is wrong with the call; what is wrong with one home stands at its result.
    pub user_errors: Items<UserError>,
}

impl Payload for UpsertHousingOptionsPayload {
    type Row = housing_option::Model;

    fn of(answer: Answer, rows: HashMap<Uuid, Member<housing_option::Model>>) -> Self {
        Self {
            housing_options: taken(&answer.results, &rows).into_iter().map(HousingOption).collect(),
            results: results(answer.results, &rows, |row| Node::HousingOption(HousingOption(row))),
            user_errors: answer.errors.into(),
        }
    }
}

#[async_trait]
impl Work for UpsertHousingOptionsInput {
    fn name(&self) -> &'static str {
        "upsertHousingOptions"
    }

    fn scope(&self) -> &'static str {
        scope::HOUSING_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let author = match writing.author().await? {
            Ok(Author::Board(_)) => {
                let message = "Homes are written by municipalities and by partners that let them.";
                return Ok(Answer::refused(vec![UserError::whole(UserErrorCode::Forbidden, message)]));
            }
            Ok(author) => author,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        if let Some(error) = too_many("options", self.options.len()) {
            return Ok(Answer::refused(vec![error]));
        }
        let codes = self.options.iter().filter_map(|option| option.municipality.as_ref()).chain(&self.municipality);
        let places = Places::municipalities(writing, codes).await?;
        let mut batch = Batch::new("options");
        for option in &self.options {
            batch.add(&option.external_id, |checks| {
                let named = option.municipality.as_deref().or(self.municipality.as_deref());
                let code = place(named, &author, &places, checks);
                option.record(code?, &author, checks).map(record::Record::HousingOption)
            });
        }
        let sender = writing.arrive(&author).await?;
        let pushed = writing.write(&sender, batch.pushes()).await?;
        Ok(Answer { results: batch.finish(pushed.outcomes), ..Answer::default() })
    }
}

/// The municipality of a home: named, or the author's own. A municipality writes of no other.
pub(super) fn place(
    named: Option<&str>,
    author: &Author,
    places: &Places,
    checks: &mut Checks,
) -> Option<MunicipalityCode> {
    let own = match author {
        Author::Municipality(own) => own.code.parse::<MunicipalityCode>().ok(),
        Author::Board(_) | Author::Partner(_) => None,
    };
    let Some(named) = named else {
        if own.is_none() {
            checks.fault("municipality", UserErrorCode::Invalid, "Say in which municipality it lies.");
        }
        return own;
    };
    let code: MunicipalityCode = checks.identifier("municipality", named)?;
    if own.as_ref().is_some_and(|own| *own != code) {
        let message = "This is not the municipality for which the token speaks.";
        checks.fault("municipality", UserErrorCode::Forbidden, message);
        return None;
    }
    if !places.municipalities.contains(code.as_str()) {
        checks.fault("municipality", UserErrorCode::NotFound, format!("There is no municipality {code}."));
        return None;
    }
    Some(code)
}

impl HousingOptionInput {
    fn record(&self, code: MunicipalityCode, author: &Author, checks: &mut Checks) -> Option<record::HousingOption> {
        checks.not_negative("rentPerMonthCents", Some(self.rent_per_month_cents));
        checks.not_negative("serviceCostsCents", self.service_costs_cents);
        checks.positive("floorAreaM2", self.floor_area_m2);
        checks.at_least_one("homes", self.homes);
        checks.at_least_one("rooms", self.rooms);
        checks.at_least_one("contractMonths", self.contract_months);
        let provider = match author {
            Author::Partner(partner) => Some(Reference::Record(partner.id)),
            Author::Board(_) | Author::Municipality(_) => None,
        };
        Some(record::HousingOption {
            title: checks.required_line("title", &self.title),
            municipality: municipality(code),
            neighbourhood: checks.line("neighbourhood", self.neighbourhood.as_deref()),
            address: self.address.as_ref().map(|address| address.check(checks)),
            location: self.location.as_ref().and_then(|location| location.check("location", checks)),
            housing_type: Some(self.housing_type.0),
            segment: Some(self.segment.0),
            status: self.status.map(|status| status.0),
            homes: self.homes,
            rent_cents: Some(self.rent_per_month_cents),
            service_costs_cents: self.service_costs_cents,
            floor_area_m2: self.floor_area_m2,
            rooms: self.rooms,
            available_from: self.available_from.map(|date| date.0),
            respond_before: self.respond_before.map(|date| date.0),
            contract_months: self.contract_months,
            eligibility: self.eligibility.as_ref().map(|eligibility| eligibility.check(checks)),
            provider,
            scheme: None,
            apply_url: checks.url("applyUrl", self.apply_url.as_deref()),
        })
    }
}
