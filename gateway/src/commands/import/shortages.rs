//! Expected teacher shortage (verwacht lerarentekort) per region and year, from CSV: all lines or none.

use std::collections::{BTreeSet, HashMap};

use anyhow::bail;
use csv::{ReaderBuilder, StringRecord, Trim};
use entity::{region, region_shortage};
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel, QueryOrder, TransactionTrait};

const COLUMNS: [&str; 3] = ["region", "year", "fte"];
/// Rows in one statement.
const BATCH: usize = 1_000;

/// What came of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Imported {
    /// How many lines were taken.
    pub(super) rows: usize,
    /// How many regions they are about.
    pub(super) regions: usize,
}

/// Takes a file's lines in, over what is known of their regions and years.
///
/// # Errors
/// Everything that is wrong with the file, a line each. Nothing is written then.
pub(super) async fn import(db: &DatabaseConnection, text: &str) -> anyhow::Result<Imported> {
    let regions = region::Entity::find().order_by_asc(region::Column::Slug).all(db).await?;
    let rows = read(text, &regions)?;
    let imported =
        Imported { rows: rows.len(), regions: rows.iter().map(|row| &row.region_slug).collect::<BTreeSet<_>>().len() };
    let key = [region_shortage::Column::RegionSlug, region_shortage::Column::Year];
    let transaction = db.begin().await?;
    for batch in rows.chunks(BATCH) {
        region_shortage::Entity::insert_many(batch.iter().cloned().map(IntoActiveModel::into_active_model))
            .on_conflict(OnConflict::columns(key).update_column(region_shortage::Column::Fte).to_owned())
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(imported)
}

fn read(text: &str, regions: &[region::Model]) -> anyhow::Result<Vec<region_shortage::Model>> {
    let text = text.trim_start_matches('\u{feff}');
    let header = text.lines().next().unwrap_or_default();
    // Spreadsheets set to Dutch write semicolons, for the comma is in their numbers.
    let is_dutch = header.contains(';');
    let mut reader = ReaderBuilder::new()
        .delimiter(if is_dutch { b';' } else { b',' })
        .trim(Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let places = columns(reader.headers()?)?;

    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    let mut has_unknown_region = false;
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let [name, year, fte] = places.map(|place| record.get(place).unwrap_or_default());
        let Some(region) = find(regions, name) else {
            has_unknown_region = true;
            problems.push(format!("line {line}: there is no region `{name}`"));
            continue;
        };
        let Some(year) = year.parse().ok().filter(|year| (2000..=2100).contains(year)) else {
            problems.push(format!("line {line}: `{year}` is no year from 2000 to 2100"));
            continue;
        };
        let Some(fte) = number(fte, is_dutch) else {
            problems.push(format!("line {line}: `{fte}` is no number of FTE"));
            continue;
        };
        if let Some(earlier) = seen.insert((region.slug.clone(), year), line) {
            problems.push(format!("line {line}: {} in {year} stands on line {earlier} already", region.slug));
            continue;
        }
        rows.push(region_shortage::Model { region_slug: region.slug.clone(), year, fte });
    }
    if has_unknown_region {
        let known: Vec<_> = regions.iter().map(|region| region.slug.as_str()).collect();
        problems.push(match known.as_slice() {
            [] => "no region is known yet".to_owned(),
            known => format!("known regions are {}", known.join(", ")),
        });
    }
    if !problems.is_empty() {
        bail!(problems.join("\n"));
    }
    Ok(rows)
}

/// Where each of [`COLUMNS`] stands.
fn columns(header: &StringRecord) -> anyhow::Result<[usize; 3]> {
    let place = |wanted: &str| header.iter().position(|name| name.eq_ignore_ascii_case(wanted));
    match COLUMNS.map(place) {
        [Some(region), Some(year), Some(fte)] => Ok([region, year, fte]),
        _ => bail!("line 1: expected the header {}", COLUMNS.join(",")),
    }
}

/// The region of this slug or name.
fn find<'a>(regions: &'a [region::Model], text: &str) -> Option<&'a region::Model> {
    let text = text.to_lowercase();
    regions.iter().find(|region| region.slug == text || region.name.to_lowercase() == text)
}

fn number(text: &str, is_dutch: bool) -> Option<f64> {
    let text = if is_dutch { text.replace(',', ".") } else { text.to_owned() };
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use crate::config::{ConnectionUrl, DatabaseSettings};
    use crate::database::{self, schema};

    use super::*;

    async fn store() -> DatabaseConnection {
        let url = ConnectionUrl::from("sqlite::memory:");
        let db = database::connect(&DatabaseSettings::at(url, None)).await.unwrap();
        schema::up(&db).await.unwrap();
        region_shortage::Entity::delete_many().exec(&db).await.unwrap();
        region::Entity::delete_many().exec(&db).await.unwrap();
        let regions = [("twente", "Twente"), ("centraal-groningen", "Centraal Groningen")].map(|(slug, name)| {
            region::Model { slug: slug.to_owned(), name: name.to_owned(), is_shrinking: true }.into_active_model()
        });
        region::Entity::insert_many(regions).exec_without_returning(&db).await.unwrap();
        db
    }

    async fn stored(db: &DatabaseConnection) -> Vec<(String, i32, f64)> {
        let rows = region_shortage::Entity::find()
            .order_by_asc(region_shortage::Column::RegionSlug)
            .order_by_asc(region_shortage::Column::Year)
            .all(db)
            .await
            .unwrap();
        rows.into_iter().map(|row| (row.region_slug, row.year, row.fte)).collect()
    }

    #[tokio::test]
    async fn regions_go_by_slug_or_name_and_numbers_as_the_file_has_them() {
        let db = store().await;
        let imported = import(&db, "region,year,fte\ntwente,2027,12.5\n\"Centraal Groningen\",2027,3\n").await.unwrap();
        assert_eq!(imported, Imported { rows: 2, regions: 2 });
        let dutch = "\u{feff}FTE;Year;Region\r\n14,25;2027;TWENTE\r\n15;2028;twente\r\n";
        assert_eq!(import(&db, dutch).await.unwrap(), Imported { rows: 2, regions: 1 });
        let expected = [("centraal-groningen", 2027, 3.0), ("twente", 2027, 14.25), ("twente", 2028, 15.0)];
        assert_eq!(stored(&db).await, expected.map(|(slug, year, fte)| (slug.to_owned(), year, fte)));
    }

    #[tokio::test]
    async fn one_bad_line_keeps_every_line_out() {
        let db = store().await;
        let text = "region,year,fte\ntwente,2027,1\ntwenthe,2027,1\ntwente,27,1\ntwente,2028,some\ntwente,2029,-1\n\
                    twente,2027,2\n";
        let error = import(&db, text).await.unwrap_err().to_string();
        assert_eq!(
            error.lines().collect::<Vec<_>>(),
            [
                "line 3: there is no region `twenthe`",
                "line 4: `27` is no year from 2000 to 2100",
                "line 5: `some` is no number of FTE",
                "line 6: `-1` is no number of FTE",
                "line 7: twente in 2027 stands on line 2 already",
                "known regions are centraal-groningen, twente",
            ]
        );
        assert!(stored(&db).await.is_empty());
    }

    #[tokio::test]
    async fn a_file_without_the_header_is_refused() {
        let db = store().await;
        for text in ["", "twente,2027,1\n", "region;year\ntwente;2027\n"] {
            let error = import(&db, text).await.unwrap_err();
            assert_eq!(error.to_string(), "line 1: expected the header region,year,fte", "{text}");
        }
        assert_eq!(import(&db, "region,year,fte\n").await.unwrap(), Imported { rows: 0, regions: 0 });
    }
}
