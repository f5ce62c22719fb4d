//! Priority schemes (voorrangsregelingen), written by the municipalities whose rules they are.

use std::collections::HashMap;

use async_graphql::{InputObject, SimpleObject};
use async_trait::async_trait;
use connectors::record;
use entity::vocabulary::{HousingSegment, SchemeStatus};
use entity::{MunicipalityCode, housing_scheme};
use sea_orm::prelude::Uuid;

use super::answer::{Answer, Payload, UpsertResult, UserError, UserErrorCode, results, taken};
use super::author::Author;
use super::checks::Checks;
use super::housing_option::place;
use super::input::{Batch, HousingEligibilityInput, municipality, too_many};
use super::offer::Places;
use super::writing::{Work, Writing};
use crate::auth::scope;
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::scalars::Date;
use crate::graphql::types::housing_scheme::HousingScheme;
use crate::graphql::types::node::Node;
use crate::graphql::vocabulary::Term;

/// Schemes of one municipality.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct UpsertHousingSchemesInput {
    /// CBS code of the municipality (`GM0363`): your own. Yours where absent.
    pub municipality: Option<String>,
    /// The schemes, at most 500.
    pub schemes: Vec<HousingSchemeInput>,
    /// For sending them again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// All that a municipality says of a scheme: what is absent, it says nothing of.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct HousingSchemeInput {
    /// The municipality's own identifier of it: where the hub also reads its system, the one that it has there.
    pub external_id: String,
    /// Name.
    pub name: String,
    /// Where it stands.
    pub status: Term<SchemeStatus>,
    /// First day it holds.
    pub valid_from: Date,
    /// Last day it holds.
    pub valid_until: Option<Date>,
    /// How many requests it has room for.
    pub quota: Option<i32>,
    /// How many of them are used.
    pub used: Option<i32>,
    /// The segments in which it gives priority.
    pub segments: Option<Vec<Term<HousingSegment>>>,
    /// Who qualifies.
    pub eligibility: Option<HousingEligibilityInput>,
    /// Where to register.
    pub registration_url: Option<String>,
    /// Where to read about it.
    pub information_url: Option<String>,
}

/// What became of schemes.
#[derive(SimpleObject)]
pub(crate) struct UpsertHousingSchemesPayload {
    /// The schemes that were taken, as they stand.
    pub housing_schemes: Items<HousingScheme>,
    /// What became of each, in the order of the input.
    pub results: Items<UpsertResult>,
    /// What is wrong with the call; what is wrong with one scheme stands at its result.
    pub user_errors: Items<UserError>,
}

impl Payload for UpsertHousingSchemesPayload {
    type Row = housing_scheme::Model;

    fn of(answer: Answer, rows: HashMap<Uuid, Member<housing_scheme::Model>>) -> Self {
        Self {
            housing_schemes: taken(&answer.results, &rows).into_iter().map(HousingScheme).collect(),
            results: results(answer.results, &rows, |row| Node::HousingScheme(HousingScheme(row))),
            user_errors: answer.errors.into(),
        }
    }
}

#[async_trait]
impl Work for UpsertHousingSchemesInput {
    fn name(&self) -> &'static str {
        "upsertHousingSchemes"
    }

    fn scope(&self) -> &'static str {
        scope::HOUSING_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let author = match writing.author().await? {
            Ok(author @ Author::Municipality(_)) => author,
            Ok(_) => {
                let message = "Schemes are written by the municipality whose rule they are.";
                return Ok(Answer::refused(vec![UserError::whole(UserErrorCode::Forbidden, message)]));
            }
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        if let Some(error) = too_many("schemes", self.schemes.len()) {
            return Ok(Answer::refused(vec![error]));
        }
        let places = Places::municipalities(writing, self.municipality.iter()).await?;
        let mut checks = Checks::default();
        let Some(code) = place(self.municipality.as_deref(), &author, &places, &mut checks) else {
            return Ok(Answer::refused(checks.finish()));
        };
        let mut batch = Batch::new("schemes");
        for scheme in &self.schemes {
            batch.add(&scheme.external_id, |checks| {
                Some(record::Record::HousingScheme(scheme.record(code.clone(), checks)))
            });
        }
        let sender = writing.arrive(&author).await?;
        let pushed = writing.write(&sender, batch.pushes()).await?;
        Ok(Answer { results: batch.finish(pushed.outcomes), ..Answer::default() })
    }
}

impl HousingSchemeInput {
    fn record(&self, code: MunicipalityCode, checks: &mut Checks) -> record::HousingScheme {
        checks.not_negative("quota", self.quota);
        checks.not_negative("used", self.used);
        let (valid_from, valid_until) =
            checks.term(["validFrom", "validUntil"], Some(self.valid_from), self.valid_until);
        record::HousingScheme {
            name: checks.required_line("name", &self.name),
            municipality: municipality(code),
            status: Some(self.status.0),
            valid_from,
            valid_until,
            quota: self.quota,
            used: self.used,
            segments: self.segments.as_ref().map(|terms| terms.iter().map(|term| term.0).collect()),
            eligibility: self.eligibility.as_ref().map(|eligibility| eligibility.check(checks)),
            registration_url: checks.url("registrationUrl", self.registration_url.as_deref()),
            information_url: checks.url("informationUrl", self.information_url.as_deref()),
        }
    }
}
