//! Reference knowledge: themes, kinds of support, education systems.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use entity::vocabulary::{EducationElement, NeedStatus, RecordType, SupportKind, Theme};
use entity::{Code, education_element, education_system, need, support_kind, theme};
use sea_orm::sea_query::{Alias, ExprTrait, Query};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};

use super::school_summary::{count, sum};
use crate::error::Result;
use crate::graphql::items::Items;
use crate::graphql::language::{Language, spoken};
use crate::graphql::level::{Level, Member};
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::viewer::one_of;
use crate::graphql::vocabulary::Term;

/// A theme (thema) with its labels.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct ThemeInfo {
    /// The theme.
    pub theme: Term<Theme>,
    #[graphql(skip)]
    row: Member<theme::Model>,
}

#[ComplexObject]
impl ThemeInfo {
    /// What people read.
    async fn label(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<&str> {
        Ok(spoken(ctx, language)?.choose(&self.row.label_nl, &self.row.label_en))
    }

    /// What it is about.
    async fn description(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<&str> {
        Ok(spoken(ctx, language)?.choose(&self.row.description_nl, &self.row.description_en))
    }

    /// Needs on this theme that partners may still step into: open or partly committed.
    async fn open_needs(&self, ctx: &Context<'_>) -> Result<i64> {
        let reader = Reader::of(ctx)?;
        reader.touch(Some(RecordType::Need));
        let counts = self.row.once("openNeeds".to_owned(), open_needs(reader)).await?;
        Ok(counts.get(&self.theme.0).copied().unwrap_or(0))
    }
}

async fn open_needs(reader: &Reader) -> Result<HashMap<Theme, i64>> {
    let mut select = Query::select();
    select
        .from(need::Entity)
        .and_where(one_of(need::Column::Status, NeedStatus::is_open))
        .and_where(qualified(need::Column::DeletedAt).is_null());
    for theme in Theme::ALL {
        let on_theme = qualified(need::Column::Themes).bit_and(entity::CodeSet::<Theme>::bit(*theme)).ne(0);
        select.expr_as(sum(on_theme), Alias::new(theme.code()));
    }
    let Some(row) = reader.db.query_one(&select).await? else { return Ok(HashMap::new()) };
    Theme::ALL.iter().map(|theme| Ok((*theme, count(&row, theme.code())?))).collect()
}

/// The themes in the alliance's order.
pub(crate) async fn themes(reader: &Reader) -> Result<Items<ThemeInfo>> {
    let rows = theme::Entity::find().order_by_asc(theme::Column::Position).all(&reader.db).await?;
    let info = |row: Member<theme::Model>| Some(ThemeInfo { theme: Term(Theme::from_code(&row.code)?), row });
    Ok(Level::members(rows).into_iter().filter_map(info).collect())
}

/// A kind of support (ondersteuning) with its labels.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct SupportKindInfo {
    /// The kind of support.
    pub support_kind: Term<SupportKind>,
    #[graphql(skip)]
    row: support_kind::Model,
}

#[ComplexObject]
impl SupportKindInfo {
    /// What people read.
    async fn label(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<&str> {
        Ok(spoken(ctx, language)?.choose(&self.row.label_nl, &self.row.label_en))
    }
}

/// The kinds of support in the alliance's order.
pub(crate) async fn support_kinds(reader: &Reader) -> Result<Items<SupportKindInfo>> {
    let rows = support_kind::Entity::find().order_by_asc(support_kind::Column::Position).all(&reader.db).await?;
    let info = |row: support_kind::Model| {
        Some(SupportKindInfo { support_kind: Term(SupportKind::from_code(&row.code)?), row })
    };
    Ok(rows.into_iter().filter_map(info).collect())
}

/// How primary education is organised in another country (onderwijssysteem).
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct EducationSystem {
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    #[graphql(skip)]
    row: education_system::Model,
    /// Its thirteen elements, in one order for all countries.
    pub elements: Items<EducationSystemElement>,
}

#[ComplexObject]
impl EducationSystem {
    /// The country's name.
    async fn name(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<&str> {
        Ok(spoken(ctx, language)?.choose(&self.row.name_nl, &self.row.name_en))
    }
}

/// One element of an education system.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct EducationSystemElement {
    /// Which element.
    pub element: Term<EducationElement>,
    #[graphql(skip)]
    row: education_element::Model,
}

#[ComplexObject]
impl EducationSystemElement {
    /// How it is there.
    async fn text(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(Language::Nl)",
            desc = "In which language; where absent, the one that the request asks for."
        )]
        language: Option<Language>,
    ) -> Result<&str> {
        Ok(spoken(ctx, language)?.choose(&self.row.text_nl, &self.row.text_en))
    }
}

/// The education systems that are described.
pub(crate) async fn education_systems(reader: &Reader) -> Result<Items<EducationSystem>> {
    let systems =
        education_system::Entity::find().order_by_asc(education_system::Column::Position).all(&reader.db).await?;
    let mut elements = education_element::Entity::find().all(&reader.db).await?;
    elements.sort_by_key(|element| element.element);
    let of = |system: education_system::Model| {
        let own = elements.iter().filter(|element| element.country == system.country).cloned();
        let elements = own.map(|row| EducationSystemElement { element: Term(row.element), row }).collect();
        EducationSystem { country: system.country.clone(), elements, row: system }
    };
    Ok(systems.into_iter().map(of).collect())
}
