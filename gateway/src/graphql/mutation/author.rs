//! For whom a mutation writes: the organisation of the token, found among the records.

use connectors::sync::push::{Party, Sender};
use entity::global_id::{GlobalId, Kind};
use entity::{Kvk, municipality, partner, school_board};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::answer::{UserError, UserErrorCode};
use crate::auth::Organisation;
use crate::error::{Failure, Result};

/// An organisation that writes.
#[derive(Clone, Debug)]
pub(super) enum Author {
    /// A school board, for its schools.
    Board(school_board::Model),
    /// A municipality.
    Municipality(municipality::Model),
    /// A partner.
    Partner(partner::Model),
}

impl Author {
    /// The organisation of a token; what is wrong where it has none that writes records.
    pub(super) async fn find(
        db: &impl ConnectionTrait,
        organisation: Option<&Organisation>,
    ) -> Result<std::result::Result<Self, UserError>> {
        let found = match organisation {
            Some(Organisation::Board(number)) => school_board::Entity::find()
                .filter(school_board::Column::Number.eq(number.as_str()))
                .filter(school_board::Column::DeletedAt.is_null())
                .one(db)
                .await?
                .map(Self::Board),
            Some(Organisation::Municipality(code)) => {
                municipality::Entity::find_by_id(code.as_str()).one(db).await?.map(Self::Municipality)
            }
            Some(Organisation::Partner(name)) => find_partner(db, name).await?.map(Self::Partner),
            Some(Organisation::Operator) | None => {
                let message = "Records are written by school boards, municipalities and partners: this token speaks for \
                               none of them.";
                return Ok(Err(UserError::whole(UserErrorCode::Forbidden, message)));
            }
        };
        let unknown = || {
            let named = organisation.map(ToString::to_string).unwrap_or_default();
            let message = format!("The hub has no record of `{named}`, for which this token speaks.");
            UserError::whole(UserErrorCode::Forbidden, message)
        };
        Ok(found.ok_or_else(unknown))
    }

    /// The same, as who writes to the store. `priority` is the precedence of what is written through the hub.
    pub(super) fn sender(&self, priority: i32) -> Result<Sender> {
        let broken = |_| Failure::Internal("a stored identifier is none");
        let (party, name) = match self {
            Self::Board(board) => (Party::Board(board.number.parse().map_err(broken)?), &board.name),
            Self::Municipality(row) => (Party::Municipality(row.code.parse().map_err(broken)?), &row.name),
            Self::Partner(partner) => (Party::Partner(partner.id), &partner.name),
        };
        Ok(Sender { party, name: name.clone(), priority })
    }
}

/// The partner that a token names: by KvK number where it is one, else by global id, else by its identifier in its own
/// system. Where two systems call two partners the same, the name says nothing.
pub(in crate::graphql) async fn find_partner(db: &impl ConnectionTrait, name: &str) -> Result<Option<partner::Model>> {
    use partner::Column;
    let is_named = if let Ok(kvk) = name.parse::<Kvk>() {
        Column::Kvk.eq(kvk.as_str())
    } else if let Some(id) = GlobalId::parse(name).ok().and_then(|id| id.uuid_of(Kind::Partner)) {
        Column::Id.eq(id)
    } else {
        Column::ExternalId.eq(name)
    };
    let partners = partner::Entity::find().filter(is_named).filter(Column::DeletedAt.is_null());
    let mut found = partners.limit(2).all(db).await?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}
