//! `/knowledge/systems`: education systems compared, element by element.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use entity::Code;
use entity::vocabulary::EducationElement;
use serde::Deserialize;
use serde_json::json;

use crate::console::Console;
use crate::console::ask::{Failed, Told};
use crate::console::documents::Document;
use crate::console::frame::Frame;
use crate::console::visit::Visit;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    education_systems: Vec<System>,
}

#[derive(Debug, Deserialize)]
struct System {
    name: String,
    elements: Vec<Element>,
}

#[derive(Debug, Deserialize)]
struct Element {
    element: EducationElement,
    text: String,
}

/// What an address may ask.
#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    q: String,
    /// An element's code. Empty: all.
    #[serde(default)]
    element: String,
}

/// An element, and what is said of it for each country.
struct Row<'a> {
    element: EducationElement,
    texts: Vec<(&'a System, &'a str)>,
}

#[derive(Template)]
#[template(path = "systems.html")]
struct Page<'a> {
    frame: &'a Frame,
    rows: Vec<Row<'a>>,
    text: &'a str,
    element: Option<EducationElement>,
    explore: Option<String>,
}

impl Page<'_> {
    fn elements(&self) -> &'static [EducationElement] {
        EducationElement::ALL
    }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failed> {
    let text = wanted.q.trim();
    let element = EducationElement::from_code(&wanted.element);
    let variables = json!({});
    let told: Told<Data> = console.ask(&visit, Document::Systems, variables.clone()).await?;
    let rows = compare(&told.data.education_systems, element, text);
    let explore = visit.frame.explore(Document::Systems, &variables);
    visit.page(&Page { frame: &visit.frame, rows, text, element, explore })
}

/// What countries say of `only`, or of each element, where it has `text` in it.
fn compare<'a>(systems: &'a [System], only: Option<EducationElement>, text: &str) -> Vec<Row<'a>> {
    let wanted = text.to_lowercase();
    let row = |element: EducationElement| {
        let texts: Vec<_> = systems
            .iter()
            .flat_map(|system| system.elements.iter().map(move |found| (system, found)))
            .filter(|(_, found)| found.element == element)
            .filter(|(system, found)| {
                found.text.to_lowercase().contains(&wanted) || system.name.to_lowercase().contains(&wanted)
            })
            .map(|(system, found)| (system, found.text.as_str()))
            .collect();
        (!texts.is_empty()).then_some(Row { element, texts })
    };
    let elements = EducationElement::ALL.iter().copied();
    elements.filter(|element| only.is_none_or(|only| only == *element)).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_compared_by_element_and_by_text() {
        let element = |element, text: &str| Element { element, text: text.to_owned() };
        let system = |name: &str, elements| System { name: name.to_owned(), elements };
        let systems = [
            system("Ver", vec![element(EducationElement::Salary, "Hoog"), element(EducationElement::Housing, "Duur")]),
            system("Weg", vec![element(EducationElement::Salary, "Laag")]),
        ];
        let found = |only, text| {
            let rows = compare(&systems, only, text);
            rows.iter().map(|row| (row.element, row.texts.len())).collect::<Vec<_>>()
        };
        assert_eq!(found(None, ""), [(EducationElement::Salary, 2), (EducationElement::Housing, 1)]);
        assert_eq!(found(Some(EducationElement::Salary), "hOOG"), [(EducationElement::Salary, 1)]);
        assert_eq!(found(None, "weg"), [(EducationElement::Salary, 1)]);
        assert_eq!(found(None, "zzz"), []);
    }
}
