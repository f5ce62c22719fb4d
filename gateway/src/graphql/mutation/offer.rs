//! Offers (aanbod), pushed by partners' platforms.

use std::collections::{HashMap, HashSet};

use async_graphql::{ID, InputObject, SimpleObject};
use async_trait::async_trait;
use connectors::record::{self, Reference};
use connectors::sync::push::Amendment;
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{InputKind, OfferStatus, RecordType, SupportKind, Theme};
use entity::{Code, MunicipalityCode, municipality, offer, partner, region};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Map, json};

use super::answer::{Answer, Payload, UpsertResult, UserError, UserErrorCode, results, taken};
use super::author::Author;
use super::checks::Checks;
use super::input::{Batch, CapacityInput, LocationInput, MOST, municipality, reasons, too_many};
use super::writing::{Work, Writing};
use crate::auth::scope;
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::scalars::Date;
use crate::graphql::types::node::Node;
use crate::graphql::types::offer::Offer;
use crate::graphql::vocabulary::Term;

/// Farther than this no circle reaches, in kilometres: the country is smaller.
const WIDEST_KM: f64 = 500.0;
/// An offer names no more languages.
const MOST_LANGUAGES: usize = 20;

/// Offers of one partner.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct UpsertOffersInput {
    /// The partner, by global id: your own. Yours where absent.
    pub partner: Option<ID>,
    /// The offers, at most 500.
    pub offers: Vec<OfferInput>,
    /// For sending them again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// All that a partner says of an offer: what is absent, it says nothing of.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct OfferInput {
    /// The partner's own identifier of it.
    pub external_id: String,
    /// What is offered, in a line.
    pub title: String,
    /// What is offered, at length.
    pub description: Option<String>,
    /// Its themes (thema's); at least one.
    pub themes: Vec<Term<Theme>>,
    /// The kinds of support (ondersteuning) it gives.
    pub support_kinds: Option<Vec<Term<SupportKind>>>,
    /// What the partner puts in (inzet).
    pub inputs: Option<Vec<Term<InputKind>>>,
    /// Where it stands; published where nobody says.
    pub status: Option<Term<OfferStatus>>,
    /// Where it can be had.
    pub coverage: Option<OfferCoverageInput>,
    /// How much of it there is.
    pub capacity: Option<CapacityInput>,
    /// First day.
    pub starts_on: Option<Date>,
    /// Last day.
    pub ends_on: Option<Date>,
    /// Whether who does the work needs a certificate of conduct (verklaring omtrent het gedrag, VOG).
    pub requires_vog: Option<bool>,
    /// Whether that certificate is in order.
    pub vog_in_order: Option<bool>,
    /// Languages it is given in, as BCP 47 tags.
    pub languages: Option<Vec<String>>,
}

/// Where an offer can be had: in all of these places together.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct OfferCoverageInput {
    /// Whether in the whole country.
    pub national: Option<bool>,
    /// Municipalities, by CBS code (`GM0363`).
    pub municipalities: Option<Vec<String>>,
    /// Regions, by slug.
    pub regions: Option<Vec<String>>,
    /// Centre of the circle it reaches; with `radiusKm`.
    pub centre: Option<LocationInput>,
    /// Radius of that circle, in kilometres.
    pub radius_km: Option<f64>,
}

/// Offers that end.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct WithdrawOffersInput {
    /// The partner, by global id: your own. Yours where absent.
    pub partner: Option<ID>,
    /// The partner's own identifiers of them, at most 500.
    pub external_ids: Vec<String>,
    /// For sending it again, where the header `Idempotency-Key` cannot be set.
    pub idempotency_key: Option<String>,
}

/// What became of offers.
#[derive(SimpleObject)]
pub(crate) struct UpsertOffersPayload {
    /// The offers that were taken, as they stand.
    pub offers: Items<Offer>,
    /// What became of each, in the order of the input.
    pub results: Items<UpsertResult>,
    /// What is wrong with the call; what is wrong with one offer stands at its result.
    pub user_errors: Items<UserError>,
}

/// What became of offers that end.
#[derive(SimpleObject)]
pub(crate) struct WithdrawOffersPayload {
    /// The offers that have ended.
    pub offers: Items<Offer>,
    /// What is wrong with the input; the other offers have ended all the same.
    pub user_errors: Items<UserError>,
}

impl Payload for UpsertOffersPayload {
    type Row = offer::Model;

    fn of(answer: Answer, rows: HashMap<Uuid, Member<offer::Model>>) -> Self {
        Self {
            offers: taken(&answer.results, &rows).into_iter().map(Offer).collect(),
            results: results(answer.results, &rows, |row| Node::Offer(Offer(row))),
            user_errors: answer.errors.into(),
        }
    }
}

impl Payload for WithdrawOffersPayload {
    type Row = offer::Model;

    fn of(answer: Answer, rows: HashMap<Uuid, Member<offer::Model>>) -> Self {
        let offers = answer.records.iter().filter_map(|id| rows.get(id)).cloned().map(Offer).collect();
        Self { offers, user_errors: answer.errors.into() }
    }
}

#[async_trait]
impl Work for UpsertOffersInput {
    fn name(&self) -> &'static str {
        "upsertOffers"
    }

    fn scope(&self) -> &'static str {
        scope::OFFERS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (author, partner) = match own_partner(writing, self.partner.as_ref()).await? {
            Ok(found) => found,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        if let Some(error) = too_many("offers", self.offers.len()) {
            return Ok(Answer::refused(vec![error]));
        }
        let places = Places::named(writing, &self.offers).await?;
        let mut batch = Batch::new("offers");
        for offer in &self.offers {
            batch.add(&offer.external_id, |checks| {
                Some(record::Record::Offer(offer.record(partner.id, &places, checks)))
            });
        }
        let sender = writing.arrive(&author).await?;
        let pushed = writing.write(&sender, batch.pushes()).await?;
        Ok(Answer { results: batch.finish(pushed.outcomes), ..Answer::default() })
    }
}

impl OfferInput {
    fn record(&self, partner_id: Uuid, places: &Places, checks: &mut Checks) -> record::Offer {
        if self.themes.is_empty() {
            checks.fault("themes", UserErrorCode::Invalid, "An offer has at least one theme.");
        }
        let (starts_on, ends_on) = checks.term(["startsOn", "endsOn"], self.starts_on, self.ends_on);
        let coverage = self.coverage.as_ref();
        let reach = coverage.map(|coverage| checks.within("coverage", |checks| coverage.check(places, checks)));
        let reach = reach.unwrap_or_default();
        record::Offer {
            partner: Reference::Record(partner_id),
            title: checks.required_line("title", &self.title),
            description: checks.text("description", self.description.as_deref()),
            themes: Some(self.themes.iter().map(|term| term.0).collect()),
            support_kinds: self.support_kinds.as_ref().map(|terms| terms.iter().map(|term| term.0).collect()),
            inputs: self.inputs.as_ref().map(|terms| terms.iter().map(|term| term.0).collect()),
            status: self.status.map(|status| status.0),
            national: coverage.and_then(|coverage| coverage.national),
            municipalities: reach.municipalities,
            regions: coverage.and_then(|coverage| coverage.regions.clone()),
            centre: reach.centre,
            radius_km: coverage.and_then(|coverage| coverage.radius_km),
            capacity: self.capacity.as_ref().map(|capacity| capacity.check(checks)),
            starts_on,
            ends_on,
            requires_vog: self.requires_vog,
            vog_in_order: self.vog_in_order,
            languages: self.languages.as_ref().map(|tags| languages(tags, checks)),
        }
    }
}

/// Language tags, by their form.
fn languages(tags: &[String], checks: &mut Checks) -> Vec<String> {
    let is_tag = |tag: &String| {
        (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if tags.len() > MOST_LANGUAGES || !tags.iter().all(is_tag) {
        let message = format!("Expected at most {MOST_LANGUAGES} language tags, as nl or en-GB.");
        checks.fault("languages", UserErrorCode::Invalid, message);
    }
    tags.to_vec()
}

#[derive(Default)]
struct Reach {
    municipalities: Option<Vec<record::Municipality>>,
    centre: Option<entity::GeoPoint>,
}

impl OfferCoverageInput {
    fn check(&self, places: &Places, checks: &mut Checks) -> Reach {
        let codes = self.municipalities.as_ref().map(|codes| {
            let code = |code: &String| {
                let code: MunicipalityCode = checks.identifier("municipalities", code)?;
                if !places.municipalities.contains(code.as_str()) {
                    let message = format!("There is no municipality {code}.");
                    checks.fault("municipalities", UserErrorCode::NotFound, message);
                }
                Some(municipality(code))
            };
            codes.iter().filter_map(code).collect()
        });
        for slug in self.regions.iter().flatten().filter(|slug| !places.regions.contains(*slug)) {
            // Not more of it than a name may have: it is the sender's text.
            let named: String = slug.chars().take(40).collect();
            checks.fault("regions", UserErrorCode::NotFound, format!("There is no region `{named}`."));
        }
        if self.centre.is_some() != self.radius_km.is_some() {
            let message = "A circle has a centre and a radius: give both, or neither.";
            checks.fault("radiusKm", UserErrorCode::Invalid, message);
        }
        if self.radius_km.is_some_and(|radius| !(radius > 0.0 && radius <= WIDEST_KM)) {
            let message = format!("This must be more than 0 and at most {WIDEST_KM}.");
            checks.fault("radiusKm", UserErrorCode::Invalid, message);
        }
        let centre = self.centre.as_ref().and_then(|centre| centre.check("centre", checks));
        Reach { municipalities: codes, centre }
    }
}

/// Which of the places that a call names there are.
#[derive(Default)]
pub(super) struct Places {
    pub(super) municipalities: HashSet<String>,
    regions: HashSet<String>,
}

impl Places {
    async fn named(writing: &Writing<'_>, offers: &[OfferInput]) -> Result<Self> {
        let coverages = offers.iter().filter_map(|offer| offer.coverage.as_ref());
        let codes = coverages.clone().flat_map(|coverage| coverage.municipalities.iter().flatten());
        let mut places = Self::municipalities(writing, codes).await?;
        if coverages.clone().any(|coverage| coverage.regions.is_some()) {
            let slugs = region::Entity::find().select_only().column(region::Column::Slug);
            let slugs: Vec<String> = slugs.into_tuple().all(writing.db()).await?;
            places.regions.extend(slugs);
        }
        Ok(places)
    }

    /// Which of these municipalities there are.
    pub(super) async fn municipalities(writing: &Writing<'_>, codes: impl Iterator<Item = &String>) -> Result<Self> {
        let codes: HashSet<MunicipalityCode> = codes.filter_map(|code| code.parse().ok()).collect();
        let codes: Vec<&str> = codes.iter().map(MunicipalityCode::as_str).collect();
        let mut places = Self::default();
        for codes in codes.chunks(5_000) {
            let found = municipality::Entity::find().select_only().column(municipality::Column::Code);
            let found = found.filter(municipality::Column::Code.is_in(codes.iter().copied()));
            places.municipalities.extend(found.into_tuple::<String>().all(writing.db()).await?);
        }
        Ok(places)
    }
}

#[async_trait]
impl Work for WithdrawOffersInput {
    fn name(&self) -> &'static str {
        "withdrawOffers"
    }

    fn scope(&self) -> &'static str {
        scope::OFFERS_WRITE
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn carry_out(&self, writing: &mut Writing<'_>) -> Result<Answer> {
        let (author, partner) = match own_partner(writing, self.partner.as_ref()).await? {
            Ok(found) => found,
            Err(error) => return Ok(Answer::refused(vec![error])),
        };
        if let Some(error) = too_many("externalIds", self.external_ids.len()) {
            return Ok(Answer::refused(vec![error]));
        }
        let sender = writing.arrive(&author).await?;
        let names: HashSet<&str> = self.external_ids.iter().map(String::as_str).take(MOST).collect();
        let rows: HashMap<String, offer::Model> = offer::Entity::find()
            .filter(offer::Column::PartnerId.eq(partner.id))
            .filter(offer::Column::ExternalId.is_in(names))
            .filter(offer::Column::DeletedAt.is_null())
            .all(writing.db())
            .await?
            .into_iter()
            .filter_map(|row| Some((row.external_id.clone()?, row)))
            .collect();
        let (mut errors, mut records, mut amendments) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for (place, name) in self.external_ids.iter().enumerate().filter(|(_, name)| seen.insert(name.as_str())) {
            match rows.get(name) {
                None => {
                    let path = ["externalIds", &place.to_string()];
                    let message = "You have no offer with this identifier.";
                    errors.push(UserError::at(&path, UserErrorCode::NotFound, message));
                }
                Some(row) if row.status == OfferStatus::Ended => records.push(row.id),
                Some(row) => amendments.push(end(row, name)),
            }
        }
        let pushed = writing.amend(&sender, amendments, None).await?;
        for outcome in pushed.outcomes {
            records.extend(outcome.record_id);
            errors.extend(reasons(&["externalIds"], outcome.reasons));
        }
        Ok(Answer { records, errors, ..Answer::default() })
    }
}

fn end(row: &offer::Model, name: &str) -> Amendment {
    let fields = Map::from_iter([
        ("partner".to_owned(), json!({ "record": row.partner_id })),
        ("status".to_owned(), json!(OfferStatus::Ended.code())),
    ]);
    let external_id = Some(name.to_owned());
    Amendment { record_type: RecordType::Offer, record_id: row.id, external_id, fields, cleared: Vec::new() }
}

/// The partner that writes. A partner that is named must be that one.
pub(super) async fn own_partner(
    writing: &Writing<'_>,
    named: Option<&ID>,
) -> Result<std::result::Result<(Author, partner::Model), UserError>> {
    let partner = match writing.author().await? {
        Ok(Author::Partner(partner)) => partner,
        Ok(_) => {
            let message = "This is written by partners; this token speaks for none.";
            return Ok(Err(UserError::whole(UserErrorCode::Forbidden, message)));
        }
        Err(error) => return Ok(Err(error)),
    };
    let is_own =
        named.is_none_or(|id| GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::Partner)) == Some(partner.id));
    if !is_own {
        let message = "This is not the partner for which the token speaks.";
        return Ok(Err(UserError::at(&["partner"], UserErrorCode::NotFound, message)));
    }
    Ok(Ok((Author::Partner(partner.clone()), partner)))
}
