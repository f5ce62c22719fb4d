//! `schoolChanged`: a school whenever anything on its card changes.

use std::sync::Arc;

use entity::vocabulary::RecordType;
use entity::{
    Brin, Code, GeoPoint, change, commitment, housing_option, municipality, need, offer, offer_municipality,
    offer_region, school,
};
use futures::Stream;
use futures::stream::try_unfold;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};

use crate::error::{Failure, Result};
use crate::feed::{self, Feed, Follower};
use crate::graphql::conditions::NearInput;
use crate::graphql::level::Member;
use crate::graphql::list::qualified;
use crate::graphql::query::one;
use crate::graphql::reader::Reader;
use crate::graphql::types::commitment::live;
use crate::graphql::types::school::School;
use crate::graphql::types::school_housing::NEAR_KM;

/// Somebody who follows a school, and how far they are.
struct Following {
    reader: Arc<Reader>,
    follower: Follower,
    school: Member<school::Model>,
    position: i64,
}

pub(super) async fn follow(
    reader: Arc<Reader>,
    feed: &Feed,
    brin: &str,
) -> Result<impl Stream<Item = Result<School>> + use<>> {
    let brin: Brin = brin.parse().map_err(|error| Failure::bad_user_input(format!("`brin`: {error}.")))?;
    let follower = feed.follow();
    // Before the school is read: a change in between is told rather than lost.
    let position = feed::end(&reader.db).await?;
    let is_asked = Condition::all().add(qualified(school::Column::Brin).eq(brin.as_str()));
    let Some(school) = one::<school::Model>(&reader, is_asked, Vec::new()).await? else {
        return Err(Failure::bad_user_input(format!("`brin`: there is no school {}.", brin.as_str())));
    };
    let following = Following { reader, follower, school, position };
    Ok(try_unfold(following, async |mut following| {
        following.wait().await?;
        following.reader.renew();
        following.reader.touch(Some(RecordType::School));
        let is_it = Condition::all().add(qualified(school::Column::Id).eq(following.school.id));
        let Some(school) = one::<school::Model>(&following.reader, is_it, Vec::new()).await? else { return Ok(None) };
        following.school = school.clone();
        Ok(Some((School(school), following)))
    }))
}

impl Following {
    /// Until something on the card has changed.
    async fn wait(&mut self) -> Result<()> {
        loop {
            let end = self.follower.beyond(self.position).await;
            let told = change::Entity::find()
                .select_only()
                .column(change::Column::Sequence)
                .filter(qualified(change::Column::Sequence).gt(self.position))
                .filter(qualified(change::Column::Sequence).lte(end))
                .filter(self.reader.viewer.changes())
                .filter(concerns(&self.school)?)
                .limit(1)
                .into_tuple::<i64>()
                .one(&self.reader.db)
                .await?;
            self.position = end;
            if told.is_some() {
                return Ok(());
            }
        }
    }
}

/// The change is of something that the school's card shows.
fn concerns(school: &school::Model) -> Result<Condition> {
    use change::Column;
    let is = |record_type: RecordType| qualified(Column::RecordType).eq(record_type.code());
    let mut concerns = Condition::any()
        .add(qualified(Column::SchoolId).eq(school.id))
        .add(is(RecordType::Partner).and(Expr::exists(commitments_here(school))))
        .add(is(RecordType::Offer).and(Expr::exists(offers_for(school))))
        .add(is(RecordType::HousingOption).and(Expr::exists(homes_near(school)?)));
    if let Some(board) = school.school_board_id {
        concerns = concerns.add(is(RecordType::SchoolBoard).and(qualified(Column::RecordId).eq(board)));
    }
    if let Some(code) = &school.municipality_code {
        let has_place = is(RecordType::HousingScheme).or(is(RecordType::HousingOption));
        concerns = concerns.add(has_place.and(qualified(Column::MunicipalityCode).eq(code)));
    }
    Ok(concerns)
}

/// Commitments of the changed partner that bind it to the school.
fn commitments_here(school: &school::Model) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr(Expr::val(1))
        .from(commitment::Entity)
        .and_where(qualified(commitment::Column::SchoolId).eq(school.id))
        .and_where(qualified(commitment::Column::PartnerId).eq(qualified(change::Column::RecordId)))
        .and_where(qualified(commitment::Column::DeletedAt).is_null())
        .and_where(live());
    select
}

/// The changed offer, where it may fit a need of the school: they share a theme, and it reaches the school. Whether it is
/// near enough is left to the card: a circle is told of wherever the school lies. Where it reached before is not known.
fn offers_for(school: &school::Model) -> SelectStatement {
    let mut reaches = Condition::any()
        .add(qualified(offer::Column::National).eq(true))
        .add(qualified(offer::Column::RadiusKm).is_not_null());
    if let Some(code) = &school.municipality_code {
        let mut named = Query::select();
        named
            .expr(Expr::val(1))
            .from(offer_municipality::Entity)
            .and_where(qualified(offer_municipality::Column::OfferId).eq(qualified(offer::Column::Id)))
            .and_where(qualified(offer_municipality::Column::MunicipalityCode).eq(code));
        let mut within = Query::select();
        within
            .expr(Expr::val(1))
            .from(offer_region::Entity)
            .inner_join(
                municipality::Entity,
                qualified(municipality::Column::RegionSlug).eq(qualified(offer_region::Column::RegionSlug)),
            )
            .and_where(qualified(offer_region::Column::OfferId).eq(qualified(offer::Column::Id)))
            .and_where(qualified(municipality::Column::Code).eq(code));
        reaches = reaches.add(Expr::exists(named)).add(Expr::exists(within));
    }
    let mut select = Query::select();
    select
        .expr(Expr::val(1))
        .from(offer::Entity)
        .inner_join(need::Entity, qualified(need::Column::SchoolId).eq(school.id))
        .and_where(qualified(offer::Column::Id).eq(qualified(change::Column::RecordId)))
        .and_where(qualified(need::Column::DeletedAt).is_null())
        .and_where(qualified(need::Column::Themes).bit_and(qualified(offer::Column::Themes)).ne(0))
        .cond_where(reaches);
    select
}

/// The changed home, where it lies near the school. Where it lay before it moved is not known.
fn homes_near(school: &school::Model) -> Result<SelectStatement> {
    use housing_option::Column;
    let mut select = Query::select();
    select
        .expr(Expr::val(1))
        .from(housing_option::Entity)
        .and_where(qualified(Column::Id).eq(qualified(change::Column::RecordId)));
    let point = school.latitude.zip(school.longitude).and_then(|(north, east)| GeoPoint::new(north, east));
    match point {
        Some(GeoPoint { latitude, longitude }) => {
            let near = NearInput { latitude, longitude, within_km: NEAR_KM };
            select.and_where(
                near.holds([Column::Latitude, Column::Longitude], [Column::GeoX, Column::GeoY, Column::GeoZ])?,
            );
        }
        None => {
            select.and_where(Expr::val(1).eq(0));
        }
    }
    Ok(select)
}
