//! Municipal priority schemes for teachers (voorrangsregelingen).

use async_graphql::{Context, ID, InputObject, Object};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{HousingSegment, RecordType, SchemeStatus};
use entity::{MunicipalityCode, housing_scheme};
use sea_orm::sea_query::{Condition, ExprTrait};

use super::municipality::Municipality;
use super::provenance::Provenance;
use super::values::HousingEligibility;
use crate::error::{Failure, Result};
use crate::graphql::conditions::{is_one_of, parsed};
use crate::graphql::connection::{connection, named};
use crate::graphql::items::Items;
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::scalars::Date;
use crate::graphql::vocabulary::{Term, terms};

/// A municipality's priority scheme for teachers (voorrangsregeling). Rules change from year to year: they are dated
/// data, never code.
#[derive(Clone)]
pub(crate) struct HousingScheme(pub(crate) Member<housing_scheme::Model>);

/// A municipality's priority scheme for teachers (voorrangsregeling). Rules change from year to year: they are dated
/// data, never code.
#[Object]
impl HousingScheme {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::HousingScheme, self.0.id).to_string().into()
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The municipality (gemeente) whose rule it is.
    async fn municipality(&self, ctx: &Context<'_>) -> Result<Municipality> {
        let municipality = named(ctx, &self.0, "municipality", |scheme| Some(scheme.municipality_code.clone())).await?;
        municipality.map(Municipality).ok_or(Failure::Internal("a scheme is without its municipality"))
    }

    /// Where it stands.
    async fn status(&self) -> Term<SchemeStatus> {
        Term(self.0.status)
    }

    /// First day it holds.
    async fn valid_from(&self) -> Date {
        Date(self.0.valid_from)
    }

    /// Last day it holds; null: no end fixed.
    async fn valid_until(&self) -> Option<Date> {
        self.0.valid_until.map(Date)
    }

    /// How many requests it has room for; null: no bound, or not known.
    async fn quota(&self) -> Option<i32> {
        self.0.quota
    }

    /// How many of them are used; null: not known.
    async fn used(&self) -> Option<i32> {
        self.0.used
    }

    /// The segments it gives priority in.
    async fn segments(&self) -> Items<Term<HousingSegment>> {
        terms(self.0.segments).into()
    }

    /// Who qualifies.
    async fn eligibility(&self) -> HousingEligibility {
        HousingEligibility::from(&*self.0)
    }

    /// Where to register.
    async fn registration_url(&self) -> Option<&str> {
        self.0.registration_url.as_deref()
    }

    /// Where to read about it.
    async fn information_url(&self) -> Option<&str> {
        self.0.information_url.as_deref()
    }

    /// Counts the record's writes, from 1: give it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Where the record comes from, and how fresh it is.
    pub(crate) async fn provenance(&self, ctx: &Context<'_>) -> Result<Provenance> {
        Provenance::of(ctx, RecordType::HousingScheme, &*self.0).await
    }
}

connection! {
    /// A page of priority schemes (voorrangsregelingen).
    HousingSchemeConnection, HousingSchemeEdge, HousingScheme, housing_scheme::Model
}

/// Which schemes; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct HousingSchemeFilter {
    /// In any of these statuses.
    pub statuses: Option<Vec<Term<SchemeStatus>>>,
    /// Of any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
}

/// Schemes, the latest first.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<HousingSchemeFilter>,
    page: &PageArguments,
) -> Result<List<housing_scheme::Model>> {
    use housing_scheme::Column;
    let sort = Sort::by("VALID_FROM", Column::ValidFrom, SortKind::Day, true);
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {page:?}");
    let filter = filter.unwrap_or_default();
    let mut condition = Condition::all();
    if let Some(statuses) = &filter.statuses {
        condition = condition.add(is_one_of(Column::Status, statuses));
    }
    if let Some(codes) = &filter.municipality {
        let codes = parsed::<MunicipalityCode>("municipality", codes)?;
        condition = condition.add(qualified(Column::MunicipalityCode).is_in(codes));
    }
    Ok(List::new(key, condition, sort, window))
}

/// As many schemes as fit a page: for fields that are plain lists. No municipality has so many.
pub(super) fn all(reader: &Reader) -> Result<List<housing_scheme::Model>> {
    list(reader, None, &PageArguments::forward(i32::try_from(reader.longest_page).ok(), None))
}
