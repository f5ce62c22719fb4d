//! Which pairs of need and offer are worth a closer look: on a common theme, within reach, in a common period, with
//! something left. Found by index, one statement for a whole level; of each row's candidates the best are kept, as far as
//! theme, kind of support, reach and VOG can tell.

use chrono::NaiveDate;
use entity::geo::EARTH_RADIUS_KM;
use entity::vocabulary::{NeedStatus, SupportKind, Theme};
use entity::{Code, commitment, municipality, need, offer, offer_municipality, offer_region, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{
    Alias, BinOper, CommonTableExpression, Condition, Expr, ExprTrait, Func, Order, OverStatement, Query,
    SelectStatement, UnionType, WindowStatement, WithClause,
};
use sea_orm::{ColumnTrait, ConnectionTrait};

use crate::error::Result;
use crate::graphql::conditions::chord_squared;
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::types::commitment::live;
use crate::graphql::viewer::one_of;
use crate::matching::{self, Criterion, HORIZON, MatchingSettings};

/// Kilometres of a degree of latitude: a little less than there are, so that a band is a little too wide.
const KM_OF_A_DEGREE: f64 = 111.0;
/// What reaches give at best; see `matching::criteria`.
const REACHES: [(&str, f64); 2] = [("national", matching::COUNTRY), ("circle", 1.0)];

/// A need and an offer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) need: Uuid,
    pub(super) offer: Uuid,
}

/// Candidates for these needs.
pub(super) async fn offers(reader: &Reader, needs: Vec<Uuid>) -> Result<Vec<Pair>> {
    let reach_place = || name("offer_reach", PLACE);
    let reach = Expr::case(reach_place().eq(REACHES[0].0), REACHES[0].1)
        .case(reach_place().eq(REACHES[1].0), REACHES[1].1)
        .case(reach_place().like("region %"), matching::REGION)
        .finally(1.0);
    let mut lies = lies_in(&needs, Expr::val(REACHES[0].0));
    let region = Expr::val("region ").binary(BinOper::Custom("||"), qualified(municipality::Column::RegionSlug));
    for place in [Expr::val(REACHES[1].0), qualified(school::Column::MunicipalityCode), region] {
        lies.union(UnionType::All, lies_in(&needs, place));
    }
    let mut reached = Query::select();
    reached
        .expr_as(name(LIES, NEED), Alias::new(NEED))
        .expr_as(name("offer_reach", "offer_id"), Alias::new(OFFER))
        .expr_as(reach, Alias::new(REACH))
        .expr_as(reach_place(), Alias::new(PLACE))
        .from_subquery(lies, Alias::new(LIES))
        .inner_join(Alias::new("theme_bit"), name(LIES, "themes").bit_and(name("theme_bit", "bit")).ne(0))
        .inner_join(
            Alias::new("offer_reach"),
            name("offer_reach", "theme").eq(name("theme_bit", "bit")).and(reach_place().eq(name(LIES, PLACE))),
        );
    let mut select = judged(reader, reached);
    select
        // It follows from what was reached, which PostgreSQL cannot know.
        .and_where(qualified(need::Column::Id).is_in(needs))
        .cond_where(Condition::any().add(name(REACHED, PLACE).ne(REACHES[1].0)).add(in_circle()))
        .cond_where(is_left());
    read(reader, kept(select, NEED, &[], &reader.matching)).await
}

/// Each of the needs with one of the places that reach its school.
fn lies_in(needs: &[Uuid], place: Expr) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr_as(qualified(need::Column::Id), Alias::new(NEED))
        .expr_as(qualified(need::Column::Themes), Alias::new("themes"))
        .expr_as(place, Alias::new(PLACE))
        .from(need::Entity)
        .inner_join(school::Entity, qualified(school::Column::Id).eq(qualified(need::Column::SchoolId)))
        .left_join(
            municipality::Entity,
            qualified(municipality::Column::Code).eq(qualified(school::Column::MunicipalityCode)),
        )
        .and_where(qualified(need::Column::Id).is_in(needs.to_vec()));
    select
}

/// Candidates for these offers.
pub(super) async fn needs(reader: &Reader, offers: Vec<Uuid>) -> Result<Vec<Pair>> {
    let mut reached = nationally(&offers);
    for branch in [by_municipality(&offers), by_region(&offers), by_circle(&offers)] {
        reached.union(UnionType::All, branch);
    }
    let vulnerable = Expr::expr(Func::max(qualified(school::Column::DisadvantageScore)));
    let mut select = judged(reader, reached);
    select
        .expr_as(vulnerable, Alias::new(VULNERABLE))
        // It follows from what was reached, which PostgreSQL cannot know.
        .and_where(qualified(offer::Column::Id).is_in(offers))
        .cond_where(reader.viewer.needs())
        .and_where(one_of(need::Column::Status, NeedStatus::is_open))
        .and_where(qualified(need::Column::DeletedAt).is_null())
        .and_where(qualified(need::Column::Themes).bit_and(qualified(offer::Column::Themes)).ne(0));
    let score = || Expr::col(Alias::new(VULNERABLE));
    let ties = [(score().is_null(), Order::Asc), (score(), Order::Desc)];
    read(reader, kept(select, OFFER, &ties, &reader.matching)).await
}

const NEED: &str = "need_id";
const OFFER: &str = "offer_id";
const REACH: &str = "reach";
const PLACE: &str = "place";
const LIES: &str = "lies";
const REACHED: &str = "reached";
const CHEAP: &str = "cheap";
const VULNERABLE: &str = "vulnerable";
const POSITION: &str = "position";
const INNER: &str = "pairs";

async fn read(reader: &Reader, select: SelectStatement) -> Result<Vec<Pair>> {
    let rows = reader.db.query_all(&select).await?;
    let pair = |row: &sea_orm::QueryResult| Ok(Pair { need: row.try_get("", NEED)?, offer: row.try_get("", OFFER)? });
    rows.iter().map(pair).collect()
}

fn name(table: &'static str, column: &'static str) -> Expr {
    Expr::col((Alias::new(table), Alias::new(column)))
}

fn bits(themes: impl ColumnTrait) -> Expr {
    qualified(themes).bit_and(name("theme_bit", "bit")).ne(0)
}

/// Each pair that `reached` finds, once, with what is known of its score without looking closely. What is reached is found
/// first and kept (`MATERIALIZED`): how few that is a planner cannot know, and would rather read whole tables.
fn judged(reader: &Reader, reached: SelectStatement) -> SelectStatement {
    let first =
        CommonTableExpression::new().query(reached).table_name(Alias::new(REACHED)).materialized(true).to_owned();
    let mut select = Query::select();
    select
        .with_cte(WithClause::new().cte(first).to_owned())
        .from(Alias::new(REACHED))
        .inner_join(offer::Entity, qualified(offer::Column::Id).eq(name(REACHED, OFFER)))
        .inner_join(need::Entity, qualified(need::Column::Id).eq(name(REACHED, NEED)))
        .inner_join(school::Entity, qualified(school::Column::Id).eq(qualified(need::Column::SchoolId)))
        .expr_as(qualified(need::Column::Id), Alias::new(NEED))
        .expr_as(qualified(offer::Column::Id), Alias::new(OFFER))
        .expr_as(Func::max(cheap(&reader.matching, name(REACHED, REACH))), Alias::new(CHEAP))
        .cond_where(reader.viewer.offers())
        .and_where(qualified(offer::Column::DeletedAt).is_null())
        .cond_where(meets(reader.today()))
        .add_group_by([qualified(need::Column::Id), qualified(offer::Column::Id)]);
    select
}

/// The best candidates of each `parent`.
fn kept(
    select: SelectStatement,
    parent: &'static str,
    ties: &[(Expr, Order)],
    settings: &MatchingSettings,
) -> SelectStatement {
    let column = |name: &'static str| Expr::col(Alias::new(name));
    let mut window = WindowStatement::new();
    window.add_partition_by(column(parent)).order_by_expr(column(CHEAP), Order::Desc);
    for (value, order) in ties {
        window.order_by_expr(value.clone(), order.clone());
    }
    window.order_by_expr(column(if parent == NEED { OFFER } else { NEED }), Order::Asc);
    let mut numbered = Query::select();
    numbered
        .exprs([column(NEED), column(OFFER)])
        .expr_window_as(Func::cust(Alias::new("ROW_NUMBER")), window, Alias::new(POSITION))
        .from_subquery(select, Alias::new(INNER));
    let mut best = Query::select();
    best.exprs([column(NEED), column(OFFER)])
        .from_subquery(numbered, Alias::new("numbered"))
        .and_where(column(POSITION).lte(settings.candidates));
    best
}

/// The parts of the score that the rows themselves tell; the others count as nothing.
fn cheap(settings: &MatchingSettings, reach: Expr) -> Expr {
    let themes = share::<Theme>(qualified(need::Column::Themes), qualified(offer::Column::Themes));
    let kinds = share::<SupportKind>(qualified(need::Column::SupportKinds), qualified(offer::Column::SupportKinds));
    let vog = Expr::case(qualified(offer::Column::RequiresVog).eq(false), 1.0)
        .case(qualified(offer::Column::VogInOrder).eq(true), 1.0)
        .case(qualified(offer::Column::VogInOrder).is_null(), 0.5)
        .finally(0.0);
    [
        (Criterion::Theme, themes),
        (Criterion::SupportKind, kinds),
        (Criterion::Reach, reach),
        (Criterion::Vog, vog.into()),
    ]
    .map(|(criterion, share)| Expr::val(settings.share(criterion)).mul(share))
    .into_iter()
    .reduce(ExprTrait::add)
    .unwrap_or_else(|| Expr::val(0.0))
}

/// How much of the asked set is given: 1 where nothing is asked.
fn share<C: Code>(asked: Expr, given: Expr) -> Expr {
    let given = Expr::val(1.0).mul(count::<C>(asked.clone().bit_and(given))).div(count::<C>(asked.clone()));
    Expr::case(asked.eq(0), 1.0).finally(given).into()
}

/// How many values a set has.
fn count<C: Code>(set: Expr) -> Expr {
    let bits = (0..C::ALL.len()).map(|bit| {
        let bit = i32::try_from(bit).unwrap_or(0);
        set.clone().right_shift(bit).bit_and(1)
    });
    bits.reduce(ExprTrait::add).unwrap_or_else(|| Expr::val(0))
}

/// The two have a day in common that is not over.
fn meets(today: NaiveDate) -> Condition {
    let column = |column: offer::Column| qualified(column);
    let horizon = today.checked_add_days(HORIZON).unwrap_or(NaiveDate::MAX);
    let (need_starts, need_ends) = (qualified(need::Column::StartsOn), qualified(need::Column::EndsOn));
    let (starts, ends) = (column(offer::Column::StartsOn), column(offer::Column::EndsOn));
    Condition::all()
        .add(Condition::any().add(need_ends.clone().is_null()).add(need_ends.clone().gte(today)))
        .add(Condition::any().add(ends.clone().is_null()).add(ends.clone().gte(today)))
        .add(
            Condition::any()
                .add(ends.clone().is_null())
                .add(need_starts.clone().is_null())
                .add(ends.gte(need_starts.clone())),
        )
        .add(
            Condition::any()
                .add(starts.clone().is_null())
                .add(starts.clone().lte(need_ends.clone()))
                .add(need_ends.is_null().and(need_starts.is_not_null().or(starts.lte(horizon)))),
        )
}

/// Live commitments leave something of the offer.
fn is_left() -> Condition {
    let mut used = Query::select();
    used.expr(Func::sum(qualified(commitment::Column::CapacityAmount)))
        .from(commitment::Entity)
        .and_where(qualified(commitment::Column::OfferId).eq(qualified(offer::Column::Id)))
        .and_where(qualified(commitment::Column::CapacityUnit).eq(qualified(offer::Column::CapacityUnit)))
        .and_where(live())
        .and_where(qualified(commitment::Column::DeletedAt).is_null());
    let used = Func::coalesce([Expr::SubQuery(None, Box::new(used.into())), Expr::val(0.0)]);
    Condition::any()
        .add(qualified(offer::Column::CapacityAmount).is_null())
        .add(qualified(offer::Column::CapacityUnit).is_null())
        .add(qualified(offer::Column::CapacityAmount).gt(used))
}

/// The school lies in the offer's circle. At the radii of offers a chord is as long as its arc, and never longer.
fn in_circle() -> Expr {
    let centre = [school::Column::GeoX, school::Column::GeoY, school::Column::GeoZ].map(qualified);
    let chord = chord_squared([offer::Column::GeoX, offer::Column::GeoY, offer::Column::GeoZ], centre);
    let radius = || qualified(offer::Column::RadiusKm).div(EARTH_RADIUS_KM);
    chord.lte(radius().mul(radius()))
}

fn reached(offers: &[Uuid], reach: f64) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr_as(qualified(offer::Column::Id), Alias::new(OFFER))
        .expr_as(Expr::val(reach), Alias::new(REACH))
        .from(offer::Entity)
        .and_where(qualified(offer::Column::Id).is_in(offers.to_vec()));
    select
}

/// Offers for the whole country: every open need on their themes.
fn nationally(offers: &[Uuid]) -> SelectStatement {
    let mut select = reached(offers, REACHES[0].1);
    select
        .expr_as(name("need_theme", "need_id"), Alias::new(NEED))
        .inner_join(Alias::new("theme_bit"), bits(offer::Column::Themes))
        .inner_join(Alias::new("need_theme"), name("need_theme", "theme").eq(name("theme_bit", "bit")))
        .and_where(qualified(offer::Column::National).eq(true));
    select
}

/// The needs of the schools that a branch has joined.
fn asked_there(select: &mut SelectStatement) {
    select
        .expr_as(qualified(need::Column::Id), Alias::new(NEED))
        .inner_join(need::Entity, qualified(need::Column::SchoolId).eq(qualified(school::Column::Id)));
}

fn by_municipality(offers: &[Uuid]) -> SelectStatement {
    let mut select = reached(offers, 1.0);
    let link = offer_municipality::Column::MunicipalityCode;
    select
        .inner_join(
            offer_municipality::Entity,
            qualified(offer_municipality::Column::OfferId).eq(qualified(offer::Column::Id)),
        )
        .inner_join(school::Entity, qualified(school::Column::MunicipalityCode).eq(qualified(link)));
    asked_there(&mut select);
    select
}

fn by_region(offers: &[Uuid]) -> SelectStatement {
    let mut select = reached(offers, matching::REGION);
    let here = qualified(municipality::Column::RegionSlug).eq(qualified(offer_region::Column::RegionSlug));
    select
        .inner_join(offer_region::Entity, qualified(offer_region::Column::OfferId).eq(qualified(offer::Column::Id)))
        .inner_join(municipality::Entity, here)
        .inner_join(
            school::Entity,
            qualified(school::Column::MunicipalityCode).eq(qualified(municipality::Column::Code)),
        );
    asked_there(&mut select);
    select
}

/// A band of latitudes first, which an index finds.
fn by_circle(offers: &[Uuid]) -> SelectStatement {
    let mut select = reached(offers, REACHES[1].1);
    let degrees = || qualified(offer::Column::RadiusKm).div(KM_OF_A_DEGREE);
    let latitude = || qualified(offer::Column::Latitude);
    let band = qualified(school::Column::Latitude).between(latitude().sub(degrees()), latitude().add(degrees()));
    select.inner_join(school::Entity, band.and(in_circle()));
    asked_there(&mut select);
    select
}
