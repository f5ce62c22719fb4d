//! One supergraph, ready to answer: what its schema says, who its subgraphs are, and how its operations are planned.

mod own;
mod smoke;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, TypeKind, TypeSystemDefinition};
use async_graphql::parser::{parse_query, parse_schema};
use moka::sync::Cache;

use self::own::{Own, names_own, own};
use super::guards::{Guards, Refusals};
use super::introspect::Introspection;
use super::plan::{Chosen, HivePlanner, Plan, PlanFailed, Planning};
use crate::config::FederationSettings;
use crate::graphql::definition::{Definition, root};
use crate::graphql::{Document, Gate, Graph, Hash};

/// Plans that are kept: those of the operations of some thousand documents.
const PLANS: u64 = 5_000;
/// The subgraph that is the hub itself.
pub(super) const HUB: &str = "hub";

/// A supergraph that can be asked.
pub(super) struct Supergraph {
    pub(super) definition: Arc<Definition>,
    pub(super) introspection: Introspection,
    pub(super) gate: Gate,
    pub(super) guards: Guards,
    /// The values of enums that are `@inaccessible`.
    pub(super) hidden: HashMap<Name, HashSet<Name>>,
    pub(super) planner: Arc<dyn Planning>,
    /// Its subgraphs by name, with the addresses that it gives.
    pub(super) subgraphs: Vec<(String, String)>,
    /// Fields of the root that cannot be planned, each with why.
    pub(super) unplanned: BTreeMap<Name, PlanFailed>,
    plans: Cache<PlanKey, Arc<Plan>>,
    /// The fields that the hub resolves, by type. `None`: the hub is no part of it.
    own: Option<Own>,
    /// Documents that have been looked at: whether they are about the hub's own fields alone.
    looked_at: Cache<Hash, bool>,
}

/// A document, its operation, its conditions, what it was chosen for where fields move from one subgraph to another, and
/// what is left out of it.
type PlanKey = (Hash, Option<String>, BTreeMap<String, bool>, Vec<bool>, Vec<(Name, Name)>);

/// Why a supergraph is not taken, in a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It cannot be: something in its subgraphs' schemas has to change.
    #[error("{0}")]
    Unfit(String),
    /// The hub could not find out whether it can be. It may a moment later.
    #[error("{0}")]
    Untried(String),
}

impl Supergraph {
    /// The supergraph that this text defines. Where the hub takes part, its subgraph `hub` is `graph`.
    ///
    /// # Errors
    /// What is wrong with it. Takes a thread for as long as it takes.
    pub(super) fn read(text: &str, graph: &Graph, settings: &FederationSettings) -> Result<Self, NotTaken> {
        let planner = HivePlanner::new(text).map_err(NotTaken::Unfit)?;
        Self::planned_by(Arc::new(planner), text, graph, settings)
    }

    fn planned_by(
        planner: Arc<dyn Planning>,
        text: &str,
        graph: &Graph,
        settings: &FederationSettings,
    ) -> Result<Self, NotTaken> {
        let sdl = planner.public_sdl();
        let unreadable = |error: async_graphql::parser::Error| NotTaken::Unfit(format!("it cannot be read: {error}"));
        let introspection = Introspection::of(&sdl).map_err(unreadable)?;
        let definition = Arc::new(Definition::of(&sdl));
        if !definition.objects.contains_key("Query") {
            return Err(NotTaken::Unfit("it has no type `Query`".to_owned()));
        }
        let subgraphs = planner.subgraphs();
        let has_hub = settings.local && subgraphs.iter().any(|(name, _)| name == HUB);
        let document = parse_schema(text).map_err(unreadable)?;
        let mut parts = document.definitions;
        let hidden = hidden(&parts);
        let own = has_hub.then(|| own(&Definition::of(&crate::graphql::sdl()), &parts));
        if has_hub {
            // What the hub guards stays guarded, whoever tells it.
            parts.extend(parse_schema(crate::graphql::sdl()).map_err(unreadable)?.definitions);
        }
        let guards = Guards::of(&parts, Arc::clone(&definition), own.as_ref(), &settings.policies);
        let mut supergraph = Self {
            gate: graph.gate_to(Arc::clone(&definition)),
            definition,
            introspection,
            guards,
            hidden,
            planner,
            subgraphs,
            unplanned: BTreeMap::new(),
            plans: Cache::new(PLANS),
            own,
            looked_at: Cache::new(PLANS),
        };
        let queries = smoke::queries(&sdl);
        for (field, query) in &queries {
            let query = parse_query(query).map_err(unreadable)?;
            if let Err(error) = supergraph.planner.plan(&query, None, &Chosen::default()) {
                supergraph.unplanned.insert(field.clone(), error);
            }
        }
        if let Some((field, error)) =
            supergraph.unplanned.iter().next().filter(|_| supergraph.unplanned.len() == queries.len())
        {
            return Err(error.as_reason(format!("nothing can be planned over it, as `Query.{field}`: {error}")));
        }
        Ok(supergraph)
    }

    /// Whether a field is the hub's own, and resolved in this process.
    pub(super) fn is_own_field(&self, type_name: &str, field: &str) -> bool {
        let has =
            |definition: &Definition| definition.fields(type_name).is_some_and(|fields| fields.contains_key(field));
        let own = self.own.as_ref().and_then(|own| own.get(type_name));
        has(&self.definition) && own.is_some_and(|fields| fields.contains(field))
    }

    /// The subgraph that is the hub. `None`: it is no part.
    pub(super) fn has_hub(&self) -> bool {
        self.own.is_some()
    }

    /// Whether the document of this hash is about the hub's own fields alone. `None`: it has not been looked at.
    pub(super) fn is_known_as_own(&self, hash: &Hash) -> Option<bool> {
        self.looked_at.get(hash)
    }

    /// Whether a document is about the hub's own fields alone.
    pub(super) fn is_own(&self, hash: Hash, document: &ExecutableDocument) -> bool {
        let Some(own) = &self.own else { return false };
        let is_own = document.operations.iter().all(|(_, operation)| {
            let operation = &operation.node;
            names_own(own, &operation.selection_set.node, Some(root(operation.ty)), &self.definition)
        }) && document.fragments.values().all(|fragment| {
            let on = fragment.node.type_condition.node.on.node.as_str();
            names_own(own, &fragment.node.selection_set.node, Some(on), &self.definition)
        });
        self.looked_at.insert(hash, is_own);
        is_own
    }

    /// How an operation is answered; planned once, off the threads that answer.
    pub(super) async fn plan(
        &self,
        document: Arc<Document>,
        operation: Option<String>,
        chosen: Chosen,
    ) -> Result<Arc<Plan>, PlanFailed> {
        let taken = self.planner.shares().iter().map(|share| chosen.place < *share).collect();
        let refused = chosen.refused.as_ref().map(Refusals::names).unwrap_or_default();
        let key = (document.hash(), operation.clone(), chosen.conditions.clone(), taken, refused);
        if let Some(plan) = self.plans.get(&key) {
            return Ok(plan);
        }
        let planner = Arc::clone(&self.planner);
        let planned =
            tokio::task::spawn_blocking(move || planner.plan(&document.parsed, operation.as_deref(), &chosen));
        let planned = planned.await;
        let plan = Arc::new(planned.unwrap_or(Err(PlanFailed::Panicked))?);
        self.plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }
}

/// The values of enums that subgraphs may tell and nobody is shown.
fn hidden(supergraph: &[TypeSystemDefinition]) -> HashMap<Name, HashSet<Name>> {
    let mut hidden: HashMap<Name, HashSet<Name>> = HashMap::new();
    for definition in supergraph {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Enum(values) = &definition.node.kind else { continue };
        for value in &values.values {
            if value.node.directives.iter().any(|directive| directive.node.name.node == "inaccessible") {
                let of_enum = hidden.entry(definition.node.name.node.clone()).or_default();
                of_enum.insert(value.node.value.node.clone());
            }
        }
    }
    hidden
}
