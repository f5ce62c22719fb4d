//! The hub as a subgraph of anyone's graph: `_service` and `_entities` of Apollo Federation 2
//! (<https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec>).
//!
//! Gateways ask for these two; clients do not, so introspection does not tell of them and `schema.graphql` has no word of
//! them. Everything else holds for a gateway's requests as for any other: limits, rules of fields, what the viewer sees.

mod entity;
mod sdl;
mod within;

use async_graphql::{Any, Context, MergedObject, Object, SimpleObject};

pub(super) use self::entity::{ENTITIES, representations};
pub use self::sdl::federation_sdl;
use super::items::Items;
use super::query::Query;
use crate::error::Result;
use entity::Entity;

/// What can be read.
#[derive(MergedObject)]
#[graphql(name = "Query")]
pub(super) struct Public(Query);

impl Public {
    pub(super) const fn new() -> Self {
        Self(Query)
    }
}

/// What can be read, by gateways too.
#[derive(MergedObject)]
#[graphql(name = "Query")]
pub(super) struct Root(Query, Subgraph);

impl Root {
    pub(super) const fn new() -> Self {
        Self(Query, Subgraph)
    }
}

/// What gateways read.
struct Subgraph;

/// What a gateway composes.
#[derive(SimpleObject)]
#[graphql(name = "_Service")]
struct Service {
    /// The schema with federation's directives.
    sdl: &'static str,
}

/// What gateways read.
#[Object(name = "SubgraphQuery")]
impl Subgraph {
    /// What a gateway composes.
    #[graphql(name = "_service", visible = false)]
    async fn service(&self) -> Service {
        Service { sdl: federation_sdl() }
    }

    /// Records by the keys of other subgraphs, in their order; null for each that is not there, or not for this viewer.
    #[graphql(name = "_entities", visible = false)]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A type's name and the fields of one of its keys, each.")] representations: Vec<Any>,
    ) -> Result<Items<Option<Entity>>> {
        entity::entities(ctx, &representations).await
    }
}
