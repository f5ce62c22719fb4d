//! Mutations that were sent with a key of the client's own: what they answered, so that sending one again does nothing a
//! second time.

use sea_orm::entity::prelude::*;

/// A row of `idempotency_key`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// The organisation that wrote.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organisation: String,
    /// The client that wrote for it; empty where the token names none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client: String,
    /// The client's key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// The mutation, and where in the document's answer it stands.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: String,
    /// SHA-256 of the input.
    pub input_hash: Vec<u8>,
    /// What was answered. `None` only while the first of several equal mutations is at it.
    pub answer: Option<Json>,
    /// When it was first sent.
    pub created_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
