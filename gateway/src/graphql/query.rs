//! The root of all reading.

use async_graphql::{Context, ID, Object};
use entity::vocabulary::RecordType;
use entity::{Brin, MunicipalityCode, SchoolBoardNumber, municipality, school, school_board};
use sea_orm::sea_query::{self, Alias, Asterisk, Condition, ExprTrait};
use sea_orm::{ConnectionTrait, EntityName, Value};

use super::beside::{Ahead, Beside};
use super::connection::root;
use super::level::Member;
use super::list::qualified;
use super::page::PageArguments;
use super::policy::{authenticated, one as one_scope, requires_scopes};
use super::reader::Reader;
use super::rows::Row;
use super::types::change::ChangeConnection;
use super::types::commitment::{self, CommitmentConnection, CommitmentFilter, CommitmentOrder};
use super::types::housing_option::{self, HousingFilter, HousingOptionConnection, HousingOrder};
use super::types::housing_scheme::{self, HousingSchemeConnection, HousingSchemeFilter};
use super::types::initiative::{self, InitiativeConnection, InitiativeFilter};
use super::types::municipality::{Municipality, MunicipalityConnection, MunicipalityFilter};
use super::types::need::{self, NeedConnection, NeedFilter, NeedOrder};
use super::types::node::{self, Node};
use super::types::offer::{self, OfferConnection, OfferFilter, OfferOrder};
use super::types::partner::{self, Partner, PartnerConnection, PartnerFilter, PartnerOrder};
use super::types::reference::{self, EducationSystem, SupportKindInfo, ThemeInfo};
use super::types::school::{School, SchoolConnection, SchoolFilter, SchoolOrder};
use super::types::school_board::{SchoolBoard, SchoolBoardConnection, SchoolBoardFilter};
use super::types::search::{self, SearchConnection, SearchType};
use super::types::source::Source;
use super::types::subgraph::{self, Subgraph};
use super::types::webhook::{self, WebhookEndpoint, WebhookEndpointConnection};
use super::types::who::{RateLimit, ViewerInfo};
use super::types::{change, municipality as municipalities_of, school as schools_of, school_board as boards_of};
use super::vocabulary::Term;
use crate::auth::scope;
use crate::cache::Scope;
use crate::error::{Failure, Result};
use crate::graphql::items::Items;

/// What can be read.
pub(crate) struct Query;

/// What can be read.
#[Object(name = "ClientQuery")]
impl Query {
    /// Any record by its global id; null where there is none, or none that the viewer may see.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The global id.")] id: ID) -> Result<Option<Node>> {
        let nodes = node::nodes(Reader::of(ctx)?, &[node::parse(&id)?]).await?;
        Ok(nodes.into_iter().next().flatten())
    }

    /// Records by their global ids, in their order; null for each that is not there.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global ids.")] ids: Vec<ID>,
    ) -> Result<Items<Option<Node>>> {
        let reader = Reader::of(ctx)?;
        if ids.len() > reader.longest_page {
            let message = format!("`ids` has {} ids; it may have {}.", ids.len(), reader.longest_page);
            return Err(Failure::bad_user_input(message));
        }
        let ids = ids.iter().map(node::parse).collect::<Result<Vec<_>>>()?;
        node::nodes(reader, &ids).await
    }

    /// One school location (vestiging) by its BRIN code (`20AB00`). Null where there is none.
    async fn school(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The BRIN code of the location, as `20AB00`.")] brin: String,
    ) -> Result<Option<School>> {
        let brin: Brin = brin.parse().map_err(|error| Failure::bad_user_input(format!("`brin`: {error}.")))?;
        let reader = Reader::of(ctx)?;
        reader.touch(Some(RecordType::School));
        let condition = Condition::all().add(qualified(school::Column::Brin).eq(brin.as_str()));
        Ok(one::<school::Model>(reader, condition, Ahead::record(ctx).named()).await?.map(School))
    }

    /// School locations (vestigingen), by name where no order is given.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn schools(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<SchoolFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<SchoolOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<SchoolConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, schools_of::list(Reader::of(ctx)?, filter, order_by, &page)?).await.map(SchoolConnection)
    }

    /// One school board (bevoegd gezag) by its number (`41775`). Null where there is none.
    async fn school_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of the school board (bevoegd gezag), as `41775`.")] number: String,
    ) -> Result<Option<SchoolBoard>> {
        let number: SchoolBoardNumber =
            number.parse().map_err(|error| Failure::bad_user_input(format!("`number`: {error}.")))?;
        let reader = Reader::of(ctx)?;
        reader.touch(Some(RecordType::SchoolBoard));
        let condition = Condition::all().add(qualified(school_board::Column::Number).eq(number.as_str()));
        Ok(one::<school_board::Model>(reader, condition, Vec::new()).await?.map(SchoolBoard))
    }

    /// School boards (bevoegde gezagen), by name.
    async fn school_boards(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<SchoolBoardFilter>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<SchoolBoardConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, boards_of::list(Reader::of(ctx)?, filter, &page)?).await.map(SchoolBoardConnection)
    }

    /// One municipality (gemeente) by its CBS code (`GM0363`). Null where there is none.
    async fn municipality(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The CBS code of the municipality (gemeente), as `GM0363`.")] code: String,
    ) -> Result<Option<Municipality>> {
        let code: MunicipalityCode =
            code.parse().map_err(|error| Failure::bad_user_input(format!("`code`: {error}.")))?;
        let condition = Condition::all().add(qualified(municipality::Column::Code).eq(code.as_str()));
        Ok(one::<municipality::Model>(Reader::of(ctx)?, condition, Vec::new()).await?.map(Municipality))
    }

    /// Municipalities (gemeenten), by name.
    async fn municipalities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<MunicipalityFilter>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<MunicipalityConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, municipalities_of::list(Reader::of(ctx)?, filter, &page)?).await.map(MunicipalityConnection)
    }

    /// One partner by its global id. Null where there is none.
    async fn partner(&self, ctx: &Context<'_>, #[graphql(desc = "The global id.")] id: ID) -> Result<Option<Partner>> {
        let id = node::parse(&id)?;
        let node = node::nodes(Reader::of(ctx)?, &[id]).await?.into_iter().next().flatten();
        match node {
            Some(Node::Partner(partner)) => Ok(Some(partner)),
            None => Ok(None),
            Some(_) => Err(Failure::bad_user_input("`id` is no id of a partner.")),
        }
    }

    /// Partners, by name where no order is given.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<PartnerFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<PartnerOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<PartnerConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, partner::list(Reader::of(ctx)?, filter, order_by, &page)?).await.map(PartnerConnection)
    }

    /// Needs (hulpvragen), the most pressing first where no order is given.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn needs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<NeedFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<NeedOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<NeedConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, need::list(Reader::of(ctx)?, filter, order_by, &page)?).await.map(NeedConnection)
    }

    /// Offers (aanbod), by title where no order is given.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<OfferFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<OfferOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<OfferConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, offer::list(Reader::of(ctx)?, filter, order_by, &page)?).await.map(OfferConnection)
    }

    /// Commitments (toezeggingen), the newest first where no order is given.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn commitments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<CommitmentFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<CommitmentOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<CommitmentConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, commitment::list(Reader::of(ctx)?, filter, order_by, &page)?).await.map(CommitmentConnection)
    }

    /// Homes for teachers (lerarenwoningen); where no order is given the nearest first with `near`, else the cheapest.
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments in the contract")]
    async fn housing_options(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<HousingFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<HousingOrder>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<HousingOptionConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, housing_option::list(Reader::of(ctx)?, filter, order_by, &page)?).await.map(HousingOptionConnection)
    }

    /// Municipal priority schemes for teachers (voorrangsregelingen): is there one, is it open, who qualifies. The
    /// latest first.
    async fn housing_schemes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<HousingSchemeFilter>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<HousingSchemeConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, housing_scheme::list(Reader::of(ctx)?, filter, &page)?).await.map(HousingSchemeConnection)
    }

    /// Initiatives (initiatieven), by name.
    async fn initiatives(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them: all given keys must hold.")] filter: Option<InitiativeFilter>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's end, or from before `before`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
    ) -> Result<InitiativeConnection> {
        let page = PageArguments { first, after, last, before };
        root(ctx, initiative::list(Reader::of(ctx)?, filter, &page)?).await.map(InitiativeConnection)
    }

    /// How primary education is organised in seven other countries (onderwijssystemen).
    async fn education_systems(&self, ctx: &Context<'_>) -> Result<Items<EducationSystem>> {
        reference::education_systems(Reader::of(ctx)?).await
    }

    /// The ten themes (thema's) with their labels, in the alliance's order.
    async fn themes(&self, ctx: &Context<'_>) -> Result<Items<ThemeInfo>> {
        reference::themes(Reader::of(ctx)?).await
    }

    /// The nine kinds of support (ondersteuning) with their labels, in the alliance's order.
    async fn support_kinds(&self, ctx: &Context<'_>) -> Result<Items<SupportKindInfo>> {
        reference::support_kinds(Reader::of(ctx)?).await
    }

    /// Full-text search over schools, partners, needs, offers and initiatives, best first. A record is found that has all
    /// words of the text, in whatever form; the last word may be the beginning of one.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to look for.")] text: String,
        #[graphql(desc = "Only of these types.")] types: Option<Vec<SearchType>>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<SearchConnection> {
        search::search(Reader::of(ctx)?, &text, types, &PageArguments::forward(first, after)).await
    }

    /// What was created, changed or deleted since a cursor, oldest first: follow it to keep a copy in step. A page has
    /// 100 changes where `first` is not given, and 500 at most.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "Only of these types.")] types: Option<Vec<Term<RecordType>>>,
        #[graphql(desc = "Only of this municipality (gemeente), by its CBS code.")] municipality: Option<String>,
    ) -> Result<ChangeConnection> {
        change::page(Reader::of(ctx)?, after, first, types, municipality).await
    }

    /// Every connected system: how fresh it is, how healthy, what was refused.
    async fn sources(&self, ctx: &Context<'_>) -> Result<Items<Source>> {
        let reader = Reader::of(ctx)?;
        reader.keep_out();
        Ok(reader.sources().await?.all.iter().cloned().map(Source).collect())
    }

    /// One connected system by its identifier. Null where there is none.
    async fn source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source's identifier, as it is configured.")] id: String,
    ) -> Result<Option<Source>> {
        let reader = Reader::of(ctx)?;
        reader.keep_out();
        Ok(reader.sources().await?.get(&id).cloned().map(Source))
    }

    /// Partners' live graphs that are set to be joined: how each is, and what keeps its newest schema out. Scope sync:read;
    /// null without it.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one_scope(scope::SYNC_READ)))]
    async fn subgraphs(&self, ctx: &Context<'_>) -> Result<Option<Items<Subgraph>>> {
        subgraph::all(ctx).await.map(Some)
    }

    /// Webhooks' endpoints: a partner's own, and for operators all; the latest first. Scope webhooks:read; null without
    /// it.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one_scope(scope::WEBHOOKS_READ)))]
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> Result<Option<WebhookEndpointConnection>> {
        webhook::endpoints(ctx, first, after).await.map(Some)
    }

    /// One endpoint of a webhook by its global id. Null where there is none, or none that the viewer may see. Scope
    /// webhooks:read.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one_scope(scope::WEBHOOKS_READ)))]
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<WebhookEndpoint>> {
        webhook::endpoint(ctx, &id).await
    }

    /// Who is asking, and what they may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<ViewerInfo> {
        let reader = Reader::of(ctx)?;
        reader.keep_out();
        Ok(ViewerInfo::new(reader.viewer.identity(), RateLimit::of(reader)))
    }
}

/// The one row that has this key, as a level of its own. The condition is about the row alone.
pub(super) async fn one<R: Row>(
    reader: &Reader,
    condition: Condition,
    beside: Vec<Box<dyn Beside<R>>>,
) -> Result<Option<Member<R>>> {
    let mut select = sea_query::Query::select();
    select.column((R::Entity::default(), Asterisk)).from(R::Entity::default()).cond_where(condition).limit(1);
    if let Some(deleted_at) = R::DELETED_AT {
        select.and_where(qualified(deleted_at).is_null());
    }
    let table = Alias::new(R::Entity::default().table_name());
    beside.iter().for_each(|beside| beside.join(&mut select, &table));
    // By its key: which record has it changes with that record, or with the first that comes to have it.
    let db = match R::RECORD_TYPE {
        Some(record_type) => reader.within(|| Scope::Records(record_type, Vec::new())),
        None => reader.db.clone(),
    };
    let found = db.query_one(&select).await?;
    let row = found.as_ref().map(|row| R::from_query_result(row, "")).transpose()?;
    if let Some(record_type) = R::RECORD_TYPE {
        let id = row.as_ref().and_then(|row| match row.id().into() {
            Value::Uuid(id) => id,
            _ => None,
        });
        reader.found(record_type, id);
    }
    let (Some(found), Some(row)) = (found, row) else { return Ok(None) };
    let member = Member::alone(row);
    for beside in beside {
        beside.take(reader, std::slice::from_ref(&found), &member)?;
    }
    Ok(Some(member))
}
