//! Regions, with the shortage that is expected there.

use std::collections::HashMap;

use async_graphql::{Context, Object, SimpleObject};
use entity::{region, region_shortage};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};

use crate::error::Result;
use crate::graphql::connection::keys;
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;

/// A region that the alliance looks at as a whole: a shrinking region (krimpregio) or a labour market region.
#[derive(Clone)]
pub(crate) struct Region(pub(crate) Member<region::Model>);

/// A region that the alliance looks at as a whole: a shrinking region (krimpregio) or a labour market region.
#[Object]
impl Region {
    /// What it is called in addresses and files: `noord-limburg`.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether fewer and fewer people live there (krimpregio).
    async fn is_shrinking(&self) -> bool {
        self.0.is_shrinking
    }

    /// Shortage of teachers (lerarentekort) expected there, by year; empty where none has been loaded.
    async fn expected_shortage(&self, ctx: &Context<'_>) -> Result<Items<TeacherShortage>> {
        let reader = Reader::of(ctx)?;
        let shortages = self.0.once("expectedShortage".to_owned(), async {
            let slugs: Vec<_> = self.0.siblings().iter().map(|region| region.slug.clone()).collect();
            let rows = region_shortage::Entity::find()
                .filter(qualified(region_shortage::Column::RegionSlug).is_in(slugs))
                .order_by_asc(region_shortage::Column::Year)
                .all(&reader.db)
                .await?;
            let mut shortages: HashMap<String, Vec<region_shortage::Model>> = HashMap::new();
            for row in rows {
                shortages.entry(row.region_slug.clone()).or_default().push(row);
            }
            Ok(shortages)
        });
        let shortages = shortages.await?;
        let own = shortages.get(&self.0.slug).into_iter().flatten();
        Ok(own.map(|row| TeacherShortage { year: row.year, fte: row.fte }).collect())
    }
}

/// A shortage of teachers (lerarentekort) that is expected.
#[derive(SimpleObject)]
pub(crate) struct TeacherShortage {
    /// Calendar year.
    pub year: i32,
    /// Teachers short, in FTE.
    pub fte: f64,
}

/// The region that a row names, loaded for its whole level.
pub(super) async fn named<P: Send + Sync + 'static>(
    ctx: &Context<'_>,
    member: &Member<P>,
    slug: fn(&P) -> Option<String>,
) -> Result<Option<Member<region::Model>>> {
    let Some(own) = slug(member) else { return Ok(None) };
    let reader = Reader::of(ctx)?;
    let regions = member.once("region".to_owned(), async {
        let slugs = keys(member.siblings(), slug);
        let rows = region::Entity::find().filter(qualified(region::Column::Slug).is_in(slugs)).all(&reader.db).await?;
        let members = Level::members(rows).into_iter();
        Ok(members.map(|region| (region.slug.clone(), region)).collect::<HashMap<_, _>>())
    });
    Ok(regions.await?.get(&own).cloned())
}
