//! Who to speak to at a need or a partner: whether the viewer has a stake in it. The one place through which contacts
//! are read.

use std::collections::HashSet;

use async_graphql::Context;
use sea_orm::sea_query::Condition;
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};

use crate::error::Result;
use crate::graphql::connection::keys;
use crate::graphql::level::Member;
use crate::graphql::list::{is_among, qualified};
use crate::graphql::reader::Reader;
use crate::graphql::rows::Row;
use crate::graphql::viewer::Viewer;

/// Whether the viewer may see the contact of this row: one statement for the whole level, and none for those who may
/// see no contact at all.
pub(super) async fn is_shown<R: Row>(
    ctx: &Context<'_>,
    member: &Member<R>,
    contacts: fn(&Viewer) -> Option<Condition>,
) -> Result<bool> {
    let reader = Reader::of(ctx)?;
    let Some(condition) = contacts(&reader.viewer) else { return Ok(false) };
    let load = async {
        let ids = keys(member.siblings(), |row| Some(row.id()));
        let shown = R::Entity::find()
            .select_only()
            .column(R::ID)
            .filter(is_among(qualified(R::ID), ids, reader.db.get_database_backend()))
            .filter(condition)
            .into_tuple::<R::Id>()
            .all(&reader.db)
            .await?;
        Ok(shown.into_iter().collect::<HashSet<_>>())
    };
    let shown = member.once("contacts".to_owned(), load).await?;
    Ok(shown.contains(&member.id()))
}
