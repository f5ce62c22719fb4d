//! What is fetched for an operation, from whom and in which order. How that is found out is a library's business, behind
//! [`Planning`]: the executor knows only what stands here.

mod conditions;
mod cuts;
mod entries;
mod hidden;
mod hive;
pub(super) mod keys;
mod refused;
mod shown;
mod steps;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Pos};

use super::guards::Refusals;
use super::supergraph::NotTaken;

pub(super) use self::hive::HivePlanner;
pub(super) use self::shown::shown;

/// Plans operations over one supergraph.
pub(super) trait Planning: Send + Sync {
    /// The schema that clients see, in the schema definition language: without what is inaccessible, and without
    /// federation's own types.
    fn public_sdl(&self) -> String;

    /// The subgraphs by name, each with the address that the supergraph gives; it may be empty.
    fn subgraphs(&self) -> Vec<(String, String)>;

    /// The shares of requests, in hundred millionths of a per cent, that fields with `@override(label: "percent(…)")` take.
    fn shares(&self) -> Vec<u64>;

    /// Whether a document fits the schema.
    ///
    /// # Errors
    /// Everything in it that does not.
    fn validate(&self, document: &str) -> Result<(), Vec<Mistake>>;

    /// How the operation of this name, or the only one, is answered, with what is told under the keys of [`keys`]. Takes
    /// a thread for as long as it takes.
    ///
    /// # Errors
    /// Where the library finds no way, or none in time.
    fn plan(&self, document: &ExecutableDocument, operation: Option<&str>, chosen: &Chosen)
    -> Result<Plan, PlanFailed>;
}

/// What a document has that does not fit the schema.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    /// A sentence for whoever wrote it.
    pub(super) message: String,
    /// Where.
    pub(super) at: Vec<Pos>,
}

/// Why there is no plan, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanFailed {
    /// It took longer than it may.
    #[error("planning took too long")]
    TookTooLong,
    /// The library says so.
    #[error("the operation cannot be planned: {0}")]
    Refused(String),
    /// The library broke.
    #[error("the planner panicked")]
    Panicked,
}

impl PlanFailed {
    /// Why a supergraph is not taken over which this came of planning. That planning took too long may be the machine's
    /// fault.
    pub(super) fn as_reason(&self, what: String) -> NotTaken {
        match self {
            Self::TookTooLong => NotTaken::Untried(what),
            Self::Refused(_) | Self::Panicked => NotTaken::Unfit(what),
        }
    }
}

/// What a plan depends on beside its operation.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    /// The values of the variables that may be conditions.
    pub(super) conditions: BTreeMap<String, bool>,
    /// The fields that the viewer may not read. `None`: they may read all.
    pub(super) refused: Option<Refusals>,
    /// The labels of `@override` that hold.
    pub(super) labels: HashSet<String>,
    /// Where this request stands among all, as [`Planning::shares`] counts.
    pub(super) place: u64,
}

/// How an operation is answered: its steps, one after another. None: without asking anybody.
#[derive(Debug)]
pub(super) struct Plan(pub(super) Vec<Step>);

/// A step of a plan.
#[derive(Debug)]
pub(super) enum Step {
    /// One after another: a later one needs what an earlier one has brought.
    Sequence(Vec<Step>),
    /// All at once.
    Parallel(Vec<Step>),
    /// Depending on a variable.
    Condition { variable: Name, then: Option<Box<Step>>, otherwise: Option<Box<Step>> },
    /// One request to one subgraph.
    Fetch(Fetch),
}

/// One request to one subgraph.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) subgraph: String,
    pub(super) document: Arc<str>,
    /// Whether it changes something.
    pub(super) is_mutation: bool,
    /// The client's variables that the document uses.
    pub(super) variables: Vec<Name>,
    pub(super) asks: Asks,
}

/// What a request asks for.
#[derive(Debug)]
pub(super) enum Asks {
    /// Fields of the root.
    Root {
        /// Under which keys they stand in the answer.
        keys: Vec<Name>,
        /// Changes to the answer before it is taken.
        after: Vec<Rewrite>,
    },
    /// Entities that are known from elsewhere.
    Entities(Vec<Batch>),
}

/// Entities that are asked for under one key.
#[derive(Debug)]
pub(super) struct Batch {
    /// The key in the answer: `_entities`, or an alias of it.
    pub(super) key: Name,
    /// The variable that takes the representations.
    pub(super) variable: Name,
    /// Where the entities lie in what is known so far.
    pub(super) paths: Vec<Vec<PathStep>>,
    /// What a representation is made of.
    pub(super) requires: Vec<Requirement>,
    /// Changes to representations before they are sent.
    pub(super) before: Vec<Rewrite>,
    /// Changes to entities before they are taken.
    pub(super) after: Vec<Rewrite>,
}

/// A step toward places in an answer.
#[derive(Clone, Debug)]
pub(super) enum PathStep {
    /// Below this key.
    Field(Name),
    /// Only objects of these types.
    Types(Vec<Name>),
    /// Each of a list.
    List,
}

/// A part of a representation.
#[derive(Debug)]
pub(super) enum Requirement {
    /// The value under `name`, or else under `key`, as `key`.
    Field { name: Name, key: Name, below: Vec<Requirement> },
    /// Where the object is of this type.
    On { type_name: Name, below: Vec<Requirement> },
}

/// A change to an answer, or to a representation.
#[derive(Debug)]
pub(super) struct Rewrite {
    pub(super) path: Vec<PathStep>,
    pub(super) change: Change,
}

/// What a rewrite does at its place.
#[derive(Debug)]
pub(super) enum Change {
    /// Puts this text there.
    Set(Name),
    /// Gives the last key of the path this name.
    Rename(Name),
}
