//! Municipalities, as the sources name them: each is put in where it is first met, and renamed by a source of the same
//! or a higher precedence than the one that named it.

use std::collections::{BTreeMap, HashMap};

use entity::{MunicipalityCode, municipality};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use crate::record::Municipality;
use crate::sync::resolve::Known;

/// The priority of a municipality that nobody has named: any source may name it.
const UNNAMED: i32 = i32::MAX;

/// Sees to it that each of `named` stands in the store before records point to it.
pub(crate) async fn ensure(
    db: &impl ConnectionTrait,
    known: &Known,
    priority: i32,
    named: impl IntoIterator<Item = Municipality>,
) -> Result<(), DbErr> {
    // In the order of their codes, so that two workers that write the same ones never wait for each other in a circle.
    let named: BTreeMap<MunicipalityCode, Municipality> =
        named.into_iter().map(|municipality| (municipality.code.clone(), municipality)).collect();
    if named.is_empty() {
        return Ok(());
    }
    let codes = named.keys().map(MunicipalityCode::as_str);
    let stored: HashMap<String, municipality::Model> = municipality::Entity::find()
        .filter(municipality::Column::Code.is_in(codes))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.code.clone(), row))
        .collect();
    let rows: Vec<_> = named
        .into_values()
        .filter_map(|named| {
            let before = stored.get(named.code.as_str());
            let row = row(known, priority, named, before);
            (before != Some(&row)).then(|| row.into_active_model())
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    municipality::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(municipality::Column::Code)
                .update_columns([
                    municipality::Column::Name,
                    municipality::Column::RegionSlug,
                    municipality::Column::Priority,
                ])
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}

fn row(known: &Known, priority: i32, named: Municipality, before: Option<&municipality::Model>) -> municipality::Model {
    let region = named.region.filter(|slug| known.is_region(slug));
    let is_g4 = named.code.is_g4();
    let code = String::from(named.code);
    match (before, named.name) {
        (Some(before), Some(name)) if priority <= before.priority => municipality::Model {
            name,
            region_slug: region.or_else(|| before.region_slug.clone()),
            priority,
            ..before.clone()
        },
        (Some(before), _) => {
            municipality::Model { region_slug: before.region_slug.clone().or(region), ..before.clone() }
        }
        (None, Some(name)) => municipality::Model { code, name, is_g4, region_slug: region, priority },
        (None, None) => municipality::Model { name: code.clone(), code, is_g4, region_slug: region, priority: UNNAMED },
    }
}
