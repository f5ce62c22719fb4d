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
