//! School boards (bevoegde gezagen).

use async_graphql::{Context, ID, InputObject, Object};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::RecordType;
use entity::{SchoolBoardNumber, school, school_board};
use sea_orm::sea_query::{Condition, ExprTrait};

use super::coverage::ThemeCoverage;
use super::provenance::Provenance;
use super::school::SchoolConnection;
use crate::error::Result;
use crate::graphql::conditions::{contains, parsed};
use crate::graphql::connection::{Below, below, connection};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;

/// A school board (bevoegd gezag): it answers for one school or many.
#[derive(Clone)]
pub(crate) struct SchoolBoard(pub(crate) Member<school_board::Model>);

/// A school board (bevoegd gezag): it answers for one school or many.
#[Object]
impl SchoolBoard {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::SchoolBoard, self.0.id).to_string().into()
    }

    /// Number of the board (bevoegd-gezagnummer), 5 digits.
    async fn number(&self) -> &str {
        &self.0.number
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its schools, by name.
    async fn schools(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<SchoolConnection> {
        let list = super::school::by_name(Reader::of(ctx)?, &PageArguments { first, after, last, before })?;
        let of_board = Below {
            field: "schools",
            parent: qualified(school::Column::SchoolBoardId),
            key: |board: &school_board::Model| Some(board.id),
            owner: None,
        };
        below(ctx, &self.0, of_board, list).await.map(SchoolConnection)
    }

    /// Where the needs of its schools go unmet: per theme.
    async fn coverage(&self, ctx: &Context<'_>) -> Result<Items<ThemeCoverage>> {
        super::coverage::of_board(ctx, &self.0).await
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::SchoolBoard, &*self.0).await
    }
}

connection! {
    /// A page of school boards (bevoegde gezagen).
    SchoolBoardConnection, SchoolBoardEdge, SchoolBoard, school_board::Model
}

/// Which boards; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct SchoolBoardFilter {
    /// With any of these numbers (`41775`).
    pub number: Option<Vec<String>>,
    /// Whose name contains this text, whatever the case.
    pub name: Option<String>,
}

/// Boards, by name.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<SchoolBoardFilter>,
    page: &PageArguments,
) -> Result<List<school_board::Model>> {
    use school_board::Column;
    let sort = Sort::by("NAME", Column::Name, SortKind::Text, false);
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {page:?}");
    let filter = filter.unwrap_or_default();
    let mut condition = Condition::all();
    if let Some(numbers) = &filter.number {
        condition = condition.add(qualified(Column::Number).is_in(parsed::<SchoolBoardNumber>("number", numbers)?));
    }
    if let Some(name) = &filter.name {
        condition = condition.add(contains("name", Column::Name, name)?);
    }
    Ok(List::new(key, condition, sort, window))
}
