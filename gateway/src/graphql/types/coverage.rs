//! Where needs go unmet, per theme: two statements for a whole level of municipalities or boards.

use std::collections::HashMap;

use async_graphql::{Context, SimpleObject};
use entity::geo::EARTH_RADIUS_KM;
use entity::vocabulary::{NeedStatus, RecordType, Theme};
use entity::{Code, CodeSet, municipality, need, offer, offer_municipality, offer_region, school, school_board};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, UnionType};

use super::school_summary::{count, is_answered, is_standing, sum};
use crate::error::Result;
use crate::graphql::conditions::chord_squared;
use crate::graphql::connection::keys;
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::rows::Key;
use crate::graphql::viewer::{one_of, published};
use crate::graphql::vocabulary::Term;

/// How needs on a theme are met. A need with several themes counts for each.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub(crate) struct ThemeCoverage {
    /// The theme (thema).
    pub theme: Term<Theme>,
    /// Needs that partners may still step into: open or partly committed.
    pub open_needs: i64,
    /// Needs, open or committed, with at least one live commitment (accepted or active).
    pub committed_needs: i64,
    /// Open needs without any live commitment.
    pub unmet_needs: i64,
    /// Published offers that reach here: nationwide, by municipality, by region, or by a circle that a school lies in.
    pub published_offers: i64,
}

pub(super) async fn of_municipality(
    ctx: &Context<'_>,
    member: &Member<municipality::Model>,
) -> Result<Items<ThemeCoverage>> {
    let reader = Reader::of(ctx)?;
    let codes = keys(member.siblings(), |municipality| Some(municipality.code.clone()));
    let parent = qualified(school::Column::MunicipalityCode);
    let coverage = member.once("coverage".to_owned(), load(reader, parent, codes)).await?;
    Ok(coverage.get(&member.code).cloned().unwrap_or_else(none).into())
}

pub(super) async fn of_board(ctx: &Context<'_>, member: &Member<school_board::Model>) -> Result<Items<ThemeCoverage>> {
    let reader = Reader::of(ctx)?;
    let ids = keys(member.siblings(), |board| Some(board.id));
    let coverage =
        member.once("coverage".to_owned(), load(reader, qualified(school::Column::SchoolBoardId), ids)).await?;
    Ok(coverage.get(&member.id).cloned().unwrap_or_else(none).into())
}

fn none() -> Vec<ThemeCoverage> {
    let empty = |theme: &Theme| ThemeCoverage {
        theme: Term(*theme),
        open_needs: 0,
        committed_needs: 0,
        unmet_needs: 0,
        published_offers: 0,
    };
    Theme::ALL.iter().map(empty).collect()
}

async fn load<K: Key>(reader: &Reader, parent: Expr, parents: Vec<K>) -> Result<HashMap<K, Vec<ThemeCoverage>>> {
    for touched in [RecordType::Need, RecordType::Commitment, RecordType::Offer] {
        reader.touch(Some(touched));
    }
    let mut coverage: HashMap<K, Vec<ThemeCoverage>> = HashMap::new();
    for row in reader.db.query_all(&needs(parent.clone(), parents.clone())).await? {
        let themes = coverage.entry(row.try_get("", "parent")?).or_insert_with(none);
        for (index, theme) in themes.iter_mut().enumerate() {
            theme.open_needs = count(&row, &format!("open_{index}"))?;
            theme.committed_needs = count(&row, &format!("committed_{index}"))?;
            theme.unmet_needs = count(&row, &format!("unmet_{index}"))?;
        }
    }
    for row in reader.db.query_all(&offers(&parent, &parents)).await? {
        let themes = coverage.entry(row.try_get("", "parent")?).or_insert_with(none);
        for (index, theme) in themes.iter_mut().enumerate() {
            theme.published_offers = count(&row, &format!("offers_{index}"))?;
        }
    }
    Ok(coverage)
}

fn on_theme(themes: Expr, theme: Theme) -> Expr {
    themes.bit_and(CodeSet::<Theme>::bit(theme)).ne(0)
}

/// Needs, each with whether anybody has answered it: that is looked up once a need, by an index, and not for each theme anew.
fn needs<K: Key>(parent: Expr, parents: Vec<K>) -> SelectStatement {
    let mut told = Query::select();
    told.expr_as(parent.clone(), Alias::new("parent"))
        .expr_as(qualified(need::Column::Themes), Alias::new("themes"))
        .expr_as(as_number(one_of(need::Column::Status, NeedStatus::is_open)), Alias::new("open"))
        .expr_as(as_number(is_standing()), Alias::new("standing"))
        .expr_as(as_number(is_answered()), Alias::new("answered"))
        .from(need::Entity)
        .inner_join(school::Entity, qualified(school::Column::Id).eq(qualified(need::Column::SchoolId)))
        .and_where(qualified(need::Column::DeletedAt).is_null())
        .and_where(parent.is_in(parents));
    let column = |name: &'static str| Expr::col((Alias::new("told"), Alias::new(name)));
    let mut select = Query::select();
    select
        .expr_as(column("parent"), Alias::new("parent"))
        .from_subquery(told, Alias::new("told"))
        .add_group_by([column("parent")]);
    for (index, theme) in Theme::ALL.iter().enumerate() {
        let here = || on_theme(column("themes"), *theme);
        let is = |name: &'static str| column(name).eq(1);
        select
            .expr_as(sum(here().and(is("open"))), Alias::new(format!("open_{index}")))
            .expr_as(sum(here().and(is("standing")).and(is("answered"))), Alias::new(format!("committed_{index}")))
            .expr_as(sum(here().and(is("open")).and(is("answered").not())), Alias::new(format!("unmet_{index}")));
    }
    select
}

/// One where the condition holds, else nought: SQLite has no truth values, and PostgreSQL adds none up.
fn as_number(condition: Expr) -> Expr {
    Expr::case(condition, 1).finally(0).into()
}

/// Offers, each once for each parent that it reaches by way of a school. Each way is a search of its own: one condition over
/// all of them could use no index, and would hold every offer against every school.
fn offers<K: Key>(parent: &Expr, parents: &[K]) -> SelectStatement {
    let mut reached = national(parent, parents);
    for way in [by_municipality(parent, parents), by_region(parent, parents), by_circle(parent, parents)] {
        reached.union(UnionType::Distinct, way);
    }
    let column = |name: &'static str| Expr::col((Alias::new("reached"), Alias::new(name)));
    let mut select = Query::select();
    select
        .expr_as(column("parent"), Alias::new("parent"))
        .from_subquery(reached, Alias::new("reached"))
        .add_group_by([column("parent")]);
    for (index, theme) in Theme::ALL.iter().enumerate() {
        select.expr_as(sum(on_theme(column("themes"), *theme)), Alias::new(format!("offers_{index}")));
    }
    select
}

/// The parents that have schools, once for each municipality in which they do.
fn places<K: Key>(parent: &Expr, parents: &[K]) -> SelectStatement {
    let mut places = Query::select();
    places
        .distinct()
        .expr_as(parent.clone(), Alias::new("parent"))
        .expr_as(qualified(school::Column::MunicipalityCode), Alias::new("municipality"))
        .from(school::Entity)
        .and_where(qualified(school::Column::DeletedAt).is_null())
        .and_where(parent.clone().is_in(parents.to_vec()));
    places
}

fn place(name: &'static str) -> Expr {
    Expr::col((Alias::new("place"), Alias::new(name)))
}

/// A parent, and a published offer; from where they meet is still to be said.
fn reaching(parent: Expr) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr_as(parent, Alias::new("parent"))
        .expr_as(qualified(offer::Column::Id), Alias::new("offer"))
        .expr_as(qualified(offer::Column::Themes), Alias::new("themes"))
        .cond_where(published())
        .and_where(qualified(offer::Column::DeletedAt).is_null());
    select
}

fn national<K: Key>(parent: &Expr, parents: &[K]) -> SelectStatement {
    let mut select = reaching(place("parent"));
    select
        .from_subquery(places(parent, parents), Alias::new("place"))
        .inner_join(offer::Entity, qualified(offer::Column::National).eq(true));
    select
}

fn by_municipality<K: Key>(parent: &Expr, parents: &[K]) -> SelectStatement {
    let mut select = reaching(place("parent"));
    select
        .from_subquery(places(parent, parents), Alias::new("place"))
        .inner_join(
            offer_municipality::Entity,
            qualified(offer_municipality::Column::MunicipalityCode).eq(place("municipality")),
        )
        .inner_join(offer::Entity, qualified(offer::Column::Id).eq(qualified(offer_municipality::Column::OfferId)));
    select
}

fn by_region<K: Key>(parent: &Expr, parents: &[K]) -> SelectStatement {
    let mut select = reaching(place("parent"));
    select
        .from_subquery(places(parent, parents), Alias::new("place"))
        .inner_join(municipality::Entity, qualified(municipality::Column::Code).eq(place("municipality")))
        .inner_join(
            offer_region::Entity,
            qualified(offer_region::Column::RegionSlug).eq(qualified(municipality::Column::RegionSlug)),
        )
        .inner_join(offer::Entity, qualified(offer::Column::Id).eq(qualified(offer_region::Column::OfferId)));
    select
}

/// Those whose circle a school lies in.
fn by_circle<K: Key>(parent: &Expr, parents: &[K]) -> SelectStatement {
    let centre = [school::Column::GeoX, school::Column::GeoY, school::Column::GeoZ].map(qualified);
    let chord = chord_squared([offer::Column::GeoX, offer::Column::GeoY, offer::Column::GeoZ], centre);
    // At the radii of offers a chord is as long as its arc, to some metres; neither database needs a sine for this.
    let radius = || qualified(offer::Column::RadiusKm).div(EARTH_RADIUS_KM);
    let mut select = reaching(parent.clone());
    select
        .from(school::Entity)
        .inner_join(offer::Entity, chord.lte(radius().mul(radius())))
        .and_where(qualified(offer::Column::RadiusKm).is_not_null())
        .and_where(qualified(school::Column::DeletedAt).is_null())
        .and_where(parent.clone().is_in(parents.to_vec()));
    select
}
