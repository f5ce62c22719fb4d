//! What is known of a partner's live graph: the schema that it was last joined with, and what is wrong with it since.

use sea_orm::entity::prelude::*;

/// A row of `subgraph`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subgraph")]
pub struct Model {
    /// Its name in the configuration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Where it was asked.
    pub url: String,
    /// The schema that it was last joined with. `None`: it never was.
    pub sdl: Option<String>,
    /// Since when it is joined with that. `None`: it never was.
    pub live_since: Option<DateTimeUtc>,
    /// Why it is not joined with the schema that it told last, a sentence a line. `None`: nothing keeps that out.
    pub problem: Option<String>,
    /// When it last told its schema. `None`: it never did.
    pub fetched_at: Option<DateTimeUtc>,
    /// Why it has not told its schema since. `None`: it told it when it was last asked.
    pub fetch_problem: Option<String>,
    /// When something was last learnt of it.
    pub looked_at: DateTimeUtc,
}

/// Relations are written out in finders, not declared.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
