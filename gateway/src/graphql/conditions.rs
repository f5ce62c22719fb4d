//! Conditions that several filters share.

use entity::geo::{Reach, chord_squared_of_km};
use entity::{Code, CodeSet, GeoPoint, municipality, region};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func, LikeExpr, Query, SelectStatement};

use super::list::qualified;
use super::vocabulary::Term;
use crate::error::{Failure, Result};

/// No list of a filter is longer.
const LONGEST_LIST: usize = 1000;
/// No text of a filter is longer, in characters.
const LONGEST_TEXT: usize = 200;

/// A list of values of a filter.
///
/// # Errors
/// Where it is longer than a filter may be.
pub(crate) fn short<T>(name: &str, values: Vec<T>) -> Result<Vec<T>> {
    if values.len() > LONGEST_LIST {
        let message = format!("`{name}` has {} values; it may have {LONGEST_LIST}.", values.len());
        return Err(Failure::bad_user_input(message));
    }
    Ok(values)
}

/// Keys as they are written in the store.
///
/// # Errors
/// Where one is malformed.
pub(crate) fn parsed<K>(name: &str, texts: &[String]) -> Result<Vec<String>>
where
    K: std::str::FromStr<Err = entity::InvalidIdentifier> + std::fmt::Display,
{
    let parse = |text: &String| {
        let key = text.parse::<K>().map_err(|error| Failure::bad_user_input(format!("`{name}`: {error}.")))?;
        Ok(key.to_string())
    };
    short(name, texts.iter().collect())?.into_iter().map(parse).collect()
}

/// The column holds one of these values.
pub(crate) fn is_one_of<C: Code>(column: impl ColumnTrait, values: &[Term<C>]) -> Expr {
    qualified(column).is_in(values.iter().map(|term| term.0.code()))
}

/// The column's set holds any of these values.
pub(crate) fn holds_any<C: Code>(column: impl ColumnTrait, values: &[Term<C>]) -> Expr {
    let set: CodeSet<C> = values.iter().map(|term| term.0).collect();
    qualified(column).bit_and(set.bits()).ne(0)
}

/// The column's text contains `text`, whatever the case of its plain letters.
///
/// # Errors
/// Where the text is longer than a filter may be.
pub(crate) fn contains(name: &str, column: impl ColumnTrait, text: &str) -> Result<Expr> {
    if text.chars().count() > LONGEST_TEXT {
        let message = format!("`{name}` is longer than {LONGEST_TEXT} characters.");
        return Err(Failure::bad_user_input(message));
    }
    let text = text.to_ascii_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    Ok(Expr::expr(Func::lower(qualified(column))).like(LikeExpr::new(format!("%{text}%")).escape('\\')))
}

/// The square of the chord between the row's point and `point`; null where the row has none.
pub(crate) fn chord_squared<C: ColumnTrait>(columns: [C; 3], point: [Expr; 3]) -> Expr {
    let [x, y, z] = [0, 1, 2].map(|axis: usize| {
        let difference = || qualified(columns[axis]).sub(point[axis].clone());
        difference().mul(difference())
    });
    x.add(y).add(z)
}

/// Municipalities that are (not) of the big four, or (not) in a shrinking region.
pub(crate) fn municipalities(is_g4: Option<bool>, is_shrinking: Option<bool>) -> SelectStatement {
    let mut select = Query::select();
    select.column(municipality::Column::Code).from(municipality::Entity);
    if let Some(is_g4) = is_g4 {
        select.and_where(qualified(municipality::Column::IsG4).eq(is_g4));
    }
    if let Some(is_shrinking) = is_shrinking {
        select.cond_where(in_shrinking_region(is_shrinking));
    }
    select
}

/// The municipality lies (not) in a shrinking region.
pub(crate) fn in_shrinking_region(is_shrinking: bool) -> Condition {
    let mut shrinking = Query::select();
    shrinking
        .column(region::Column::Slug)
        .from(region::Entity)
        .and_where(qualified(region::Column::IsShrinking).eq(true));
    let inside = qualified(municipality::Column::RegionSlug).in_subquery(shrinking);
    if is_shrinking {
        Condition::all().add(inside)
    } else {
        Condition::any().add(qualified(municipality::Column::RegionSlug).is_null()).add(inside.not())
    }
}

/// A circle round a point.
#[derive(Clone, Copy, Debug, async_graphql::InputObject)]
#[graphql(name = "NearInput")]
pub(crate) struct NearInput {
    /// Degrees north (WGS 84), -90 to 90.
    pub latitude: f64,
    /// Degrees east (WGS 84), -180 to 180.
    pub longitude: f64,
    /// Radius in kilometres, as the crow flies.
    pub within_km: f64,
}

impl NearInput {
    /// The circle's centre.
    ///
    /// # Errors
    /// Where it lies off the earth, or the radius is no distance.
    pub(crate) fn centre(&self) -> Result<GeoPoint> {
        distance("withinKm", self.within_km)?;
        GeoPoint::new(self.latitude, self.longitude)
            .ok_or_else(|| Failure::bad_user_input("`near` lies off the earth: degrees are -90 to 90 and -180 to 180."))
    }

    /// The row's point lies in the circle. What lies in its reach first, which an index finds.
    pub(crate) fn holds<C: ColumnTrait>(&self, degrees: [C; 2], columns: [C; 3]) -> Result<Expr> {
        let centre = self.centre()?;
        let reach = Reach::of(self.within_km, [centre]);
        let chord = chord_squared(columns, centre.on_unit_sphere().map(Expr::val));
        Ok(in_reach(degrees, [centre.latitude, centre.longitude].map(Expr::val), reach)
            .and(chord.lte(chord_squared_of_km(self.within_km))))
    }
}

/// A distance in kilometres that a client gave.
///
/// # Errors
/// Where it is not a positive number.
pub(crate) fn distance(name: &str, km: f64) -> Result<f64> {
    if km.is_finite() && km >= 0.0 {
        Ok(km)
    } else {
        Err(Failure::bad_user_input(format!("`{name}` is no distance in kilometres.")))
    }
}

/// The row's point, in degrees north and east, lies no farther from `centre` than the reach.
pub(crate) fn in_reach<C: ColumnTrait>(degrees: [C; 2], centre: [Expr; 2], reach: Reach) -> Expr {
    let [latitude, longitude] = degrees;
    let [north, east] = centre;
    let within = |column: C, centre: Expr, degrees: f64| {
        qualified(column).between(centre.clone().sub(degrees), centre.add(degrees))
    };
    let band = within(latitude, north, reach.latitude);
    match reach.longitude {
        Some(degrees) => band.and(within(longitude, east, degrees)),
        None => band,
    }
}
