//! The requests behind the pages: each in a file of its own, as anybody could send it.

/// The request behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The front page.
    Front,
    /// Schools found by a text.
    Find,
    /// Schools by name.
    Schools,
    /// A school's card.
    School,
    /// The big cities, the shrinking regions and every municipality.
    Country,
    /// A municipality.
    Municipality,
    /// A school board.
    Board,
    /// Initiatives.
    Knowledge,
    /// Education systems.
    Systems,
    /// A board's answer to what is proposed.
    Answer,
    /// How fresh sources are.
    Sources,
    /// The same for operators, with runs and refusals.
    Operations,
    /// A source, with runs and refusals for operators.
    Source,
    /// Partners' live graphs, for operators.
    Subgraphs,
    /// Reading a source now.
    Sync,
    /// Runs of sources, as they happen.
    Runs,
    /// A school's card, as it changes.
    SchoolChanged,
}

impl Document {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Front,
        Self::Find,
        Self::Schools,
        Self::School,
        Self::Country,
        Self::Municipality,
        Self::Board,
        Self::Knowledge,
        Self::Systems,
        Self::Answer,
        Self::Sources,
        Self::Operations,
        Self::Source,
        Self::Subgraphs,
        Self::Sync,
        Self::Runs,
        Self::SchoolChanged,
    ];

    /// What it is called in the explorer's address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Find => "find",
            Self::Schools => "schools",
            Self::School => "school",
            Self::Country => "country",
            Self::Municipality => "municipality",
            Self::Board => "board",
            Self::Knowledge => "knowledge",
            Self::Systems => "systems",
            Self::Answer => "answer",
            Self::Sources => "sources",
            Self::Operations => "operations",
            Self::Source => "source",
            Self::Subgraphs => "subgraphs",
            Self::Sync => "sync",
            Self::Runs => "runs",
            Self::SchoolChanged => "school-changed",
        }
    }

    /// Its text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Front => include_str!("queries/front.graphql"),
            Self::Find => include_str!("queries/find.graphql"),
            Self::Schools => include_str!("queries/schools.graphql"),
            Self::School => include_str!("queries/school.graphql"),
            Self::Country => include_str!("queries/country.graphql"),
            Self::Municipality => include_str!("queries/municipality.graphql"),
            Self::Board => include_str!("queries/board.graphql"),
            Self::Knowledge => include_str!("queries/knowledge.graphql"),
            Self::Systems => include_str!("queries/systems.graphql"),
            Self::Answer => include_str!("queries/answer.graphql"),
            Self::Sources => include_str!("queries/sources.graphql"),
            Self::Operations => include_str!("queries/operations.graphql"),
            Self::Source => include_str!("queries/source.graphql"),
            Self::Subgraphs => include_str!("queries/subgraphs.graphql"),
            Self::Sync => include_str!("queries/sync.graphql"),
            Self::Runs => include_str!("queries/runs.graphql"),
            Self::SchoolChanged => include_str!("queries/school-changed.graphql"),
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|document| document.name() == name)
    }
}
