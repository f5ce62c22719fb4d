//! One record, not two: what an organisation writes through the hub's interface, and what the hub reads from that
//! organisation's own system.
//!
//! Offers are told by their partner and its identifier of them, whoever tells: the store has one offer by that name.
//! Of other records the same identifier may mean two things in two systems. They are one record only where one side was
//! written through the interface and the other read from a system of the same kind of party, for one owner: a partner's
//! commitments, the needs of a school, a municipality's homes and schemes. Two systems are never matched with each other
//! in this way, nor are the homes of a partner with those of a municipality.

use std::collections::{BTreeSet, HashMap};

use entity::vocabulary::RecordType;
use entity::{
    MunicipalityCode, claim, commitment, housing_option, housing_scheme, municipality, need, offer, partner, school,
    source,
};
use sea_orm::sea_query::{Alias, Expr, LockType, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, ExprTrait};
use uuid::Uuid;

use crate::sync::sources::INTERFACE;
use crate::sync::writer::Context;

/// Names looked up by one statement.
const AT_ONCE: usize = 2_000;

/// Whose record it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Owner {
    /// A partner's or a school's.
    Record(Uuid),
    /// A municipality's.
    Municipality(String),
}

/// What a record is called by its owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Namesake {
    owner: Owner,
    external_id: String,
}

impl Namesake {
    pub(crate) fn of_id(owner: Uuid, external_id: &str) -> Self {
        Self { owner: Owner::Record(owner), external_id: external_id.to_owned() }
    }

    pub(crate) fn of_municipality(code: &MunicipalityCode, external_id: &str) -> Self {
        Self { owner: Owner::Municipality(code.as_str().to_owned()), external_id: external_id.to_owned() }
    }
}

/// The records of these names, as far as there are any. Until the transaction ends nobody else can make one of the same
/// owner: the owners stay locked.
pub(crate) async fn find(
    db: &DatabaseTransaction,
    context: &Context,
    record_type: RecordType,
    asked: Vec<Namesake>,
) -> Result<HashMap<Namesake, Uuid>, DbErr> {
    let mut found = HashMap::new();
    if asked.is_empty() {
        return Ok(found);
    }
    lock(db, record_type, &asked).await?;
    for asked in asked.chunks(AT_ONCE) {
        let select = match record_type {
            RecordType::Offer => offers(asked),
            RecordType::Commitment => {
                told(context, record_type, commitment::Column::Id, commitment::Column::PartnerId, asked)
            }
            RecordType::Need => told(context, record_type, need::Column::Id, need::Column::SchoolId, asked),
            RecordType::HousingOption => {
                told(context, record_type, housing_option::Column::Id, housing_option::Column::MunicipalityCode, asked)
            }
            RecordType::HousingScheme => {
                told(context, record_type, housing_scheme::Column::Id, housing_scheme::Column::MunicipalityCode, asked)
            }
            RecordType::School | RecordType::SchoolBoard | RecordType::Partner => return Ok(found),
        };
        for row in db.query_all(&select).await? {
            let owner = match asked.first().map(|namesake| &namesake.owner) {
                Some(Owner::Municipality(_)) => Owner::Municipality(row.try_get("", OWNER)?),
                _ => Owner::Record(row.try_get("", OWNER)?),
            };
            found.insert(Namesake { owner, external_id: row.try_get("", NAME)? }, row.try_get("", RECORD)?);
        }
    }
    Ok(found)
}

const OWNER: &str = "namesake_owner";
const NAME: &str = "namesake_name";
const RECORD: &str = "namesake_record";

/// A partner's offers by its own identifiers.
fn offers(asked: &[Namesake]) -> SelectStatement {
    use offer::Column;
    let mut select = Query::select();
    select
        .expr_as(qualified(Column::PartnerId), Alias::new(OWNER))
        .expr_as(qualified(Column::ExternalId), Alias::new(NAME))
        .expr_as(qualified(Column::Id), Alias::new(RECORD))
        .from(offer::Entity)
        .and_where(owners(Column::PartnerId, asked))
        .and_where(qualified(Column::ExternalId).is_in(names(asked)));
    select
}

/// Records of which the other side tells: who writes through the interface where a system is read, and the other way
/// round.
fn told<C: ColumnTrait>(
    context: &Context,
    record_type: RecordType,
    id: C,
    owner: C,
    asked: &[Namesake],
) -> SelectStatement {
    let own = Alias::new("own");
    let mut own_kind = Query::select();
    own_kind
        .expr(Expr::col((own.clone(), source::Column::Kind)))
        .from_as(source::Entity, own.clone())
        .and_where(Expr::col((own, source::Column::Id)).eq(context.source_id.as_str()));
    let connector = qualified(source::Column::Connector);
    let is_other_side = if context.is_interface() { connector.ne(INTERFACE) } else { connector.eq(INTERFACE) };
    let mut select = Query::select();
    select
        .expr_as(qualified(owner), Alias::new(OWNER))
        .expr_as(qualified(claim::Column::ExternalId), Alias::new(NAME))
        .expr_as(qualified(id), Alias::new(RECORD))
        .from(claim::Entity)
        .inner_join(id.entity_name(), qualified(id).eq(qualified(claim::Column::RecordId)))
        .inner_join(source::Entity, qualified(source::Column::Id).eq(qualified(claim::Column::SourceId)))
        .and_where(qualified(claim::Column::RecordType).eq(entity::Code::code(record_type)))
        .and_where(qualified(claim::Column::ExternalId).is_in(names(asked)))
        .and_where(owners(owner, asked))
        .and_where(qualified(source::Column::Kind).in_subquery(own_kind))
        .and_where(is_other_side);
    select
}

fn qualified(column: impl ColumnTrait) -> Expr {
    Expr::col(column.as_column_ref())
}

fn names(asked: &[Namesake]) -> BTreeSet<&str> {
    asked.iter().map(|namesake| namesake.external_id.as_str()).collect()
}

fn owners(column: impl ColumnTrait, asked: &[Namesake]) -> Expr {
    let owners: BTreeSet<&Owner> = asked.iter().map(|namesake| &namesake.owner).collect();
    let values: Vec<sea_orm::Value> = owners
        .into_iter()
        .map(|owner| match owner {
            Owner::Record(id) => (*id).into(),
            Owner::Municipality(code) => code.as_str().into(),
        })
        .collect();
    qualified(column).is_in(values)
}

/// Locks the owners, in the order of their identities so that two writers never wait for each other in a circle.
async fn lock(db: &DatabaseTransaction, record_type: RecordType, asked: &[Namesake]) -> Result<(), DbErr> {
    for asked in asked.chunks(AT_ONCE) {
        match record_type {
            RecordType::Offer | RecordType::Commitment => lock_rows(db, partner::Column::Id, asked).await?,
            RecordType::Need => lock_rows(db, school::Column::Id, asked).await?,
            RecordType::HousingOption | RecordType::HousingScheme => {
                lock_rows(db, municipality::Column::Code, asked).await?;
            }
            RecordType::School | RecordType::SchoolBoard | RecordType::Partner => {}
        }
    }
    Ok(())
}

async fn lock_rows<C: ColumnTrait>(db: &DatabaseTransaction, key: C, asked: &[Namesake]) -> Result<(), DbErr> {
    let mut select = Query::select();
    select
        .expr(qualified(key))
        .from(key.entity_name())
        .and_where(owners(key, asked))
        .order_by_expr(qualified(key), sea_orm::Order::Asc)
        // Others may still write records that refer to them.
        .lock(LockType::NoKeyUpdate);
    db.query_all(&select).await?;
    Ok(())
}
