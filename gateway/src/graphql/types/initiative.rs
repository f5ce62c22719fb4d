//! Initiatives (initiatieven): running cooperations, and what others can learn from them.

use async_graphql::{Context, ID, InputObject, Object};
use entity::code::Texts;
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::Theme;
use entity::{MunicipalityCode, initiative, initiative_partner, initiative_school, partner, school};
use sea_orm::sea_query::{Condition, ExprTrait};

use super::municipality::Municipality;
use super::partner::{Partner, PartnerFilter};
use super::region::Region;
use super::school::SchoolConnection;
use crate::error::Result;
use crate::graphql::conditions::{contains, holds_any, parsed};
use crate::graphql::connection::{Below, below, connection, named};
use crate::graphql::items::Items;
use crate::graphql::language::{Language, spoken};
use crate::graphql::level::Member;
use crate::graphql::list::{List, Sort, SortKind, qualified};
use crate::graphql::page::PageArguments;
use crate::graphql::reader::Reader;
use crate::graphql::vocabulary::{Term, terms};

/// A running public-private cooperation (initiatief), with what others can learn from it.
#[derive(Clone)]
pub(crate) struct Initiative(pub(crate) Member<initiative::Model>);

fn lines(language: Language, dutch: &Texts, english: &Texts) -> Items<String> {
    language.choose(dutch, english).0.clone().into()
}

/// A running public-private cooperation (initiatief), with what others can learn from it.
#[Object]
impl Initiative {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::new(Kind::Initiative, self.0.id).to_string().into()
    }

    /// What it is called in addresses: `team-twaalf`.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The municipality (gemeente) it runs in, if it is bound to one.
    async fn municipality(&self, ctx: &Context<'_>) -> Result<Option<Municipality>> {
        let municipality =
            named(ctx, &self.0, "municipality", |initiative| initiative.municipality_code.clone()).await?;
        Ok(municipality.map(Municipality))
    }

    /// The region it runs in, if it is bound to one.
    async fn region(&self, ctx: &Context<'_>) -> Result<Option<Region>> {
        Ok(super::region::named(ctx, &self.0, |initiative| initiative.region_slug.clone()).await?.map(Region))
    }

    /// Its themes (thema's).
    async fn themes(&self) -> Items<Term<Theme>> {
        terms(self.0.themes).into()
    }

    /// What it is, in short.
    async fn summary(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<&str> {
        Ok(spoken(ctx, language)?.choose(&self.0.summary_nl, &self.0.summary_en))
    }

    /// What it starts from (uitgangspunten).
    async fn starting_points(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<Items<String>> {
        Ok(lines(spoken(ctx, language)?, &self.0.starting_points_nl, &self.0.starting_points_en))
    }

    /// What it needs (randvoorwaarden).
    async fn conditions(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<Items<String>> {
        Ok(lines(spoken(ctx, language)?, &self.0.conditions_nl, &self.0.conditions_en))
    }

    /// What it does for the child (effecten).
    async fn effects(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<Items<String>> {
        Ok(lines(spoken(ctx, language)?, &self.0.effects_nl, &self.0.effects_en))
    }

    /// The partners that take part, by name.
    async fn partners(&self, ctx: &Context<'_>) -> Result<Items<Partner>> {
        let reader = Reader::of(ctx)?;
        let page = PageArguments::forward(i32::try_from(reader.longest_page).ok(), None);
        let list = super::partner::list(reader, None::<PartnerFilter>, None, &page)?.joining(|select| {
            let link = qualified(initiative_partner::Column::PartnerId).eq(qualified(partner::Column::Id));
            select.inner_join(initiative_partner::Entity, link);
        });
        let of_initiative = Below {
            field: "partners",
            parent: qualified(initiative_partner::Column::InitiativeId),
            key: |initiative: &initiative::Model| Some(initiative.id),
            owner: None,
        };
        Ok(below(ctx, &self.0, of_initiative, list).await?.members().map(Partner).collect())
    }

    /// The schools that take part, by name.
    async fn schools(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the list's beginning, or from behind `after`.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Result<SchoolConnection> {
        let page = PageArguments::forward(first, after);
        let list = super::school::by_name(Reader::of(ctx)?, &page)?.joining(|select| {
            let link = qualified(initiative_school::Column::SchoolId).eq(qualified(school::Column::Id));
            select.inner_join(initiative_school::Entity, link);
        });
        let of_initiative = Below {
            field: "schools",
            parent: qualified(initiative_school::Column::InitiativeId),
            key: |initiative: &initiative::Model| Some(initiative.id),
            owner: None,
        };
        below(ctx, &self.0, of_initiative, list).await.map(SchoolConnection)
    }
}

connection! {
    /// A page of initiatives (initiatieven).
    InitiativeConnection, InitiativeEdge, Initiative, initiative::Model
}

/// Which initiatives; all given keys must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct InitiativeFilter {
    /// With any of these themes.
    pub themes: Option<Vec<Term<Theme>>>,
    /// In any of these municipalities, by CBS code (`GM0363`).
    pub municipality: Option<Vec<String>>,
    /// Whose name contains this text, whatever the case.
    pub text: Option<String>,
}

/// Initiatives, by name.
pub(crate) fn list(
    reader: &Reader,
    filter: Option<InitiativeFilter>,
    page: &PageArguments,
) -> Result<List<initiative::Model>> {
    use initiative::Column;
    let sort = Sort::by("NAME", Column::Name, SortKind::Text, false);
    let window = page.window(&sort.label(), reader.longest_page)?;
    let key = format!("{filter:?} {page:?}");
    let filter = filter.unwrap_or_default();
    let mut condition = Condition::all();
    if let Some(themes) = &filter.themes {
        condition = condition.add(holds_any(Column::Themes, themes));
    }
    if let Some(codes) = &filter.municipality {
        let codes = parsed::<MunicipalityCode>("municipality", codes)?;
        condition = condition.add(qualified(Column::MunicipalityCode).is_in(codes));
    }
    if let Some(text) = &filter.text {
        condition = condition.add(contains("text", Column::Name, text)?);
    }
    Ok(List::new(key, condition, sort, window))
}

/// As many initiatives as fit a page: for fields that are plain lists.
pub(super) fn all(reader: &Reader) -> Result<List<initiative::Model>> {
    list(reader, None, &PageArguments::forward(i32::try_from(reader.longest_page).ok(), None))
}
