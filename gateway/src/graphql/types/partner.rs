//! Partners.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{PartnerKind, RecordType, Theme};
use entity::{MunicipalityCode, commitment, offer, offer_municipality, partner};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};

use super::commitment::{CommitmentConnection, CommitmentFilter, CommitmentOrder, live};
use super::contact;
use super::offer::{OfferConnection, OfferFilter, OfferOrder};
use super::order::{OrderDirection, is_descending};
use super::provenance::Provenance;
use super::values::Contact;
use crate::auth::scope;
use crate::cache::Owner;
use crate::error::{Failure, Result};
use crate::graphql::conditions::{contains, holds_any, is_one_of, parsed, short};
use crate::graphql::connection::{Below, below, connection};
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::policy::{authenticated, one, requires_scopes};
use crate::graphql::reader::Reader;
use crate::graphql::viewer::{Viewer, published};
use crate::graphql::vocabulary::Term;

/// A public or private party that helps schools (partner).
#[derive(Clone)]
pub(crate) struct Partner(pub(crate) Member<partner::Model>);

/// A public or private party that helps schools (partner).
#[Object]
impl Partner {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::Partner, self.0.id).to_string().into()
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What kind of party it is.
    async fn kind(&self) -> Term<PartnerKind> {
        Term(self.0.kind)
    }

    /// Number in the trade register (KvK-nummer), 8 digits, where it has one.
    async fn kvk(&self) -> Option<&str> {
        self.0.kvk.as_deref()
    }

    /// Address of its website.
    async fn website(&self) -> Option<&str> {
        self.0.website.as_deref()
    }

    /// Who they are.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What it offers (aanbod), by title.
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
        let list = super::offer::list(Reader::of(ctx)?, filter, order_by, &page)?;
        let of_partner = Below {
            field: "offers",
            parent: qualified(offer::Column::PartnerId),
            key: |partner: &partner::Model| Some(partner.id),
            owner: Some(Owner::Partner),
        };
        below(ctx, &self.0, of_partner, list).await.map(OfferConnection)
    }

    /// What it committed to (toezeggingen), the newest first.
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
        let list = super::commitment::list(Reader::of(ctx)?, filter, order_by, &page)?;
        let of_partner = Below {
            field: "commitments",
            parent: qualified(commitment::Column::PartnerId),
            key: |partner: &partner::Model| Some(partner.id),
            owner: Some(Owner::Partner),
        };
        below(ctx, &self.0, of_partner, list).await.map(CommitmentConnection)
    }

    /// Whom to speak to. Scope alliance:read; null without it, and for all but the partner itself and the boards of
    /// schools that it proposed or committed something to.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::ALLIANCE_READ)))]
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        if !contact::is_shown(ctx, &self.0, Viewer::partner_contacts).await? {
            return Ok(None);
        }
        let contact = Contact::of([&self.0.contact_name, &self.0.contact_email, &self.0.contact_phone]);
        if contact.is_some() {
            Reader::of(ctx)?.shows_contact(RecordType::Partner, self.0.id);
        }
        Ok(contact)
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::Partner, &*self.0).await
    }
}

connection! {
    /// A page of partners.
    PartnerConnection, PartnerEdge, Partner, partner::Model
}

/// Which partners; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct PartnerFilter {
    /// Of any of these kinds.
    pub kinds: Option<Vec<Term<PartnerKind>>>,
    /// Whose name contains this text, whatever the case.
    pub name: Option<String>,
    /// With a published offer on any of these themes.
    pub themes: Option<Vec<Term<Theme>>>,
    /// With a published offer for any of these municipalities or the whole country, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
}

/// The order of partners.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct PartnerOrder {
    /// What to order by.
    pub field: PartnerOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What partners can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum PartnerOrderField {
    /// Name.
    Name,
    /// How many commitments bind it: accepted or active.
    LiveCommitments,
}

/// Partners, by name where no order is given.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<PartnerFilter>,
    order: Option<PartnerOrder>,
    page: &PageArguments,
) -> Result<List<partner::Model>> {
    let order = order.unwrap_or(PartnerOrder { field: PartnerOrderField::Name, direction: OrderDirection::Asc });
    let descending = is_descending(order.direction);
    let sort = match order.field {
        PartnerOrderField::Name => by_name(descending),
        PartnerOrderField::LiveCommitments => Sort {
            name: "LIVE_COMMITMENTS",
            value: Expr::SubQuery(None, Box::new(live_commitments().into())),
            kind: SortKind::Integer,
            nullable: false,
            descending,
        },
    };
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {order:?} {page:?}");
    Ok(List::new(key, condition(filter.unwrap_or_default())?, sort, window))
}

/// Partners by name.
pub(super) fn by_name(descending: bool) -> Sort {
    Sort::by("NAME", partner::Column::Name, SortKind::Text, descending)
}

fn live_commitments() -> SelectStatement {
    let mut select = Query::select();
    select
        .expr(Expr::val(1).count())
        .from(commitment::Entity)
        .and_where(qualified(commitment::Column::PartnerId).eq(qualified(partner::Column::Id)))
        .and_where(live())
        .and_where(qualified(commitment::Column::DeletedAt).is_null());
    select
}

fn condition(filter: PartnerFilter) -> Result<Condition> {
    use partner::Column;
    let mut condition = Condition::all();
    if let Some(kinds) = &filter.kinds {
        condition = condition.add(is_one_of(Column::Kind, kinds));
    }
    if let Some(name) = &filter.name {
        condition = condition.add(contains("name", Column::Name, name)?);
    }
    if filter.themes.is_none() && filter.municipality.is_none() {
        return Ok(condition);
    }
    let mut offers = Query::select();
    offers
        .expr(qualified(offer::Column::PartnerId))
        .from(offer::Entity)
        .cond_where(published())
        .and_where(qualified(offer::Column::DeletedAt).is_null());
    if let Some(themes) = &filter.themes {
        offers.and_where(holds_any(offer::Column::Themes, themes));
    }
    if let Some(codes) = &filter.municipality {
        offers.cond_where(reaches_any(codes)?);
    }
    Ok(condition.add(qualified(Column::Id).in_subquery(offers)))
}

/// The offer reaches the whole country, or any of these municipalities by name.
pub(super) fn reaches_any(codes: &[String]) -> Result<Condition> {
    let codes = parsed::<MunicipalityCode>("municipality", codes)?;
    let mut named = Query::select();
    named
        .expr(qualified(offer_municipality::Column::OfferId))
        .from(offer_municipality::Entity)
        .and_where(qualified(offer_municipality::Column::MunicipalityCode).is_in(codes));
    Ok(Condition::any()
        .add(qualified(offer::Column::National).eq(true))
        .add(qualified(offer::Column::Id).in_subquery(named)))
}

/// The partners that these global ids stand for.
pub(super) fn partner_ids(ids: &[ID]) -> Result<Vec<Uuid>> {
    let parse = |id: &ID| {
        let id = GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::Partner));
        id.ok_or_else(|| Failure::bad_user_input("`partner` holds what is no id of a partner."))
    };
    short("partner", ids.iter().collect())?.into_iter().map(parse).collect()
}
