//! Offers that fit needs, and needs that offers fit, for a whole level at once: the database finds candidates by index and
//! keeps the best of them for each ([`candidates`]), and [`crate::matching`] judges those. What it costs in statements is
//! fixed; how many pairs are looked at is bounded for each row.

mod candidates;
mod facts;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::vocabulary::{NeedStatus, OfferStatus, RecordType};
use entity::{need, offer};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use self::candidates::Pair;
use self::facts::{Grounds, Offers};
use super::level::{Level, Member};
use super::page::PageArguments;
use super::reader::Reader;
use super::rows::Row;
use crate::error::Result;
use crate::matching::{self, Fit};

/// A record that was suggested, and why.
#[derive(Clone)]
pub(crate) struct Suggestion<R> {
    pub(crate) member: Member<R>,
    pub(crate) fit: Arc<Fit>,
}

/// The suggestions of each row of a level.
type Suggested<R> = HashMap<Uuid, Vec<Suggestion<R>>>;

/// Published offers that fit the need, best first. None for a need that is met or over.
pub(crate) async fn offers(
    reader: &Reader,
    need: &Member<need::Model>,
    first: Option<i32>,
) -> Result<Vec<Suggestion<offer::Model>>> {
    let first = length(reader, first)?;
    let suggested = need.once(format!("suggestedOffers({first})"), offers_of(reader, need.siblings(), first)).await?;
    Ok(suggested.get(&need.id).cloned().unwrap_or_default())
}

/// Open needs that the offer fits, best first, schools in vulnerable neighbourhoods first among equals. None for an offer
/// that is not published.
pub(crate) async fn needs(
    reader: &Reader,
    offer: &Member<offer::Model>,
    first: Option<i32>,
) -> Result<Vec<Suggestion<need::Model>>> {
    let first = length(reader, first)?;
    let suggested = offer.once(format!("suggestedNeeds({first})"), needs_of(reader, offer.siblings(), first)).await?;
    Ok(suggested.get(&offer.id).cloned().unwrap_or_default())
}

/// The most offers that are named with a need.
const MOST_NAMED: usize = 20;

/// Of these needs those that are open and that published offers of this partner fit, with the offers, best first. Every
/// pair is looked at: a partner hears of a need however many others fit it better.
pub(super) async fn fitting(reader: &Reader, partner: Uuid, needs: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    if needs.is_empty() {
        return Ok(HashMap::new());
    }
    let needs = facts::rows::<need::Model>(reader, needs, reader.viewer.needs()).await?;
    let needs: Vec<need::Model> = needs.into_values().filter(|need| need.status.is_open()).collect();
    let own = offer::Entity::find()
        .filter(offer::Column::PartnerId.eq(partner))
        .filter(offer::Column::Status.eq(OfferStatus::Published))
        .filter(offer::Column::DeletedAt.is_null());
    let own = if needs.is_empty() { Vec::new() } else { own.all(&reader.db).await? };
    if own.is_empty() {
        return Ok(HashMap::new());
    }
    let own: HashMap<Uuid, offer::Model> = own.into_iter().map(|offer| (offer.id, offer)).collect();
    let grounds = Grounds::load(reader, needs.iter().map(|need| need.school_id).collect()).await?;
    let offers = Offers::load(reader, &own).await?;
    let mut fitting = HashMap::new();
    for need in &needs {
        let asked = grounds.asked(need);
        let shares_a_theme = |offer: &&offer::Model| offer.themes.bits() & need.themes.bits() != 0;
        let fit =
            |offer: &offer::Model| matching::fit(&asked, &offers.offered(offer), &reader.matching, reader.today());
        let mut fits: Vec<(Uuid, Fit)> =
            own.values().filter(shares_a_theme).filter_map(|offer| Some((offer.id, fit(offer)?))).collect();
        fits.sort_by(|(one, fit), (other, other_fit)| matching::best_first(fit, other_fit, || one.cmp(other)));
        if !fits.is_empty() {
            fitting.insert(need.id, fits.into_iter().take(MOST_NAMED).map(|(id, _)| id).collect());
        }
    }
    Ok(fitting)
}

/// The needs that these offers are suggested, a page for each, with the offers.
pub(super) async fn fitted(reader: &Reader, offers: Vec<offer::Model>) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    if offers.is_empty() {
        return Ok(HashMap::new());
    }
    let mut fitted: HashMap<Uuid, Vec<(f64, Uuid)>> = HashMap::new();
    for (offer, suggestions) in needs_of(reader, &offers, reader.longest_page).await? {
        for suggestion in suggestions {
            fitted.entry(suggestion.member.id()).or_default().push((suggestion.fit.score, offer));
        }
    }
    let named = |mut offers: Vec<(f64, Uuid)>| {
        offers.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        offers.into_iter().take(MOST_NAMED).map(|(_, offer)| offer).collect()
    };
    Ok(fitted.into_iter().map(|(need, offers)| (need, named(offers))).collect())
}

fn length(reader: &Reader, first: Option<i32>) -> Result<usize> {
    let window = PageArguments::forward(first, None).window("MATCH", reader.longest_page)?;
    Ok(usize::try_from(window.length).unwrap_or(usize::MAX))
}

fn touch(reader: &Reader) {
    for touched in [RecordType::Need, RecordType::Offer, RecordType::Commitment, RecordType::School] {
        reader.touch(Some(touched));
    }
}

async fn offers_of(reader: &Reader, needs: &[need::Model], first: usize) -> Result<Suggested<offer::Model>> {
    touch(reader);
    // A draft is suggested offers as well: that is when its school looks for them.
    let asking: Vec<&need::Model> =
        needs.iter().filter(|need| need.status.is_open() || need.status == NeedStatus::Draft).collect();
    let pairs = candidates::offers(reader, asking.iter().map(|need| need.id).collect()).await?;
    let rows = facts::rows::<offer::Model>(reader, ids(&pairs, |pair| pair.offer), reader.viewer.offers()).await?;
    let grounds = Grounds::load(reader, asking.iter().map(|need| need.school_id).collect()).await?;
    let offers = Offers::load(reader, &rows).await?;
    let by_need: HashMap<Uuid, &need::Model> = asking.into_iter().map(|need| (need.id, need)).collect();
    let judge = |pair: &Pair| {
        let need = by_need.get(&pair.need)?;
        let offered = offers.offered(rows.get(&pair.offer)?);
        matching::fit(&grounds.asked(need), &offered, &reader.matching, reader.today())
    };
    let best = best(&pairs, first, |pair| (pair.need, pair.offer), judge, |_, _| Ordering::Equal);
    Ok(suggestions(best, rows))
}

async fn needs_of(reader: &Reader, offers: &[offer::Model], first: usize) -> Result<Suggested<need::Model>> {
    touch(reader);
    let given: HashMap<Uuid, offer::Model> = offers
        .iter()
        .filter(|offer| offer.status == OfferStatus::Published)
        .map(|offer| (offer.id, offer.clone()))
        .collect();
    let pairs = candidates::needs(reader, given.keys().copied().collect()).await?;
    let rows = facts::rows::<need::Model>(reader, ids(&pairs, |pair| pair.need), reader.viewer.needs()).await?;
    let grounds = Grounds::load(reader, rows.values().map(|need| need.school_id).collect()).await?;
    let offers = Offers::load(reader, &given).await?;
    let judge = |pair: &Pair| {
        let offered = offers.offered(given.get(&pair.offer)?);
        matching::fit(&grounds.asked(rows.get(&pair.need)?), &offered, &reader.matching, reader.today())
    };
    let score = |id: &Uuid| rows.get(id).and_then(|need| grounds.disadvantage_score(need));
    let ties = |one: &Uuid, other: &Uuid| matching::vulnerable_first(score(one), score(other));
    let best = best(&pairs, first, |pair| (pair.offer, pair.need), judge, ties);
    Ok(suggestions(best, rows))
}

fn ids(pairs: &[Pair], id: impl Fn(&Pair) -> Uuid) -> Vec<Uuid> {
    pairs.iter().map(id).collect::<HashSet<_>>().into_iter().collect()
}

/// The best fits of each row that is looked for, with what they are of. Ties are broken as `ties` says, then by identity.
fn best(
    pairs: &[Pair],
    first: usize,
    sides: impl Fn(&Pair) -> (Uuid, Uuid),
    judge: impl Fn(&Pair) -> Option<Fit>,
    ties: impl Fn(&Uuid, &Uuid) -> Ordering,
) -> HashMap<Uuid, Vec<(Uuid, Fit)>> {
    let mut fits: HashMap<Uuid, Vec<(Uuid, Fit)>> = HashMap::new();
    for pair in pairs {
        if let Some(fit) = judge(pair) {
            let (parent, found) = sides(pair);
            fits.entry(parent).or_default().push((found, fit));
        }
    }
    for fits in fits.values_mut() {
        fits.sort_by(|(one, fit), (other, other_fit)| {
            matching::best_first(fit, other_fit, || ties(one, other).then_with(|| one.cmp(other)))
        });
        fits.truncate(first);
    }
    fits
}

/// Everything that is suggested to a level is one level in its turn.
fn suggestions<R: Row<Id = Uuid>>(best: HashMap<Uuid, Vec<(Uuid, Fit)>>, rows: HashMap<Uuid, R>) -> Suggested<R> {
    let chosen: HashSet<Uuid> = best.values().flatten().map(|(id, _)| *id).collect();
    let rows: Vec<R> = rows.into_iter().filter(|(id, _)| chosen.contains(id)).map(|(_, row)| row).collect();
    let members: HashMap<Uuid, Member<R>> =
        Level::members(rows).into_iter().map(|member| (member.id(), member)).collect();
    let with_member =
        |(id, fit): (Uuid, Fit)| Some(Suggestion { member: members.get(&id)?.clone(), fit: Arc::new(fit) });
    best.into_iter().map(|(parent, fits)| (parent, fits.into_iter().filter_map(with_member).collect())).collect()
}
