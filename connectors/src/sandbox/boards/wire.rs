//! Records as the school administration sends them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::sample::{BARRIERS, Board, Need, SUPPORT_KINDS, School, THEMES, brin_code, need_id, places, words};
use crate::sandbox::server::{decimal, instant};

/// An org or a need.
pub(super) enum Item<'a> {
    Board(&'a Board),
    School(&'a School),
    Need(&'a Need),
}

impl Item<'_> {
    pub(super) fn sourced_id(&self) -> String {
        match self {
            Self::Board(board) => board_id(board.number),
            Self::School(school) => school_id(school.code),
            Self::Need(need) => need_id(need.number),
        }
    }

    pub(super) const fn modified(&self) -> DateTime<Utc> {
        match self {
            Self::Board(board) => board.modified,
            Self::School(school) => school.modified,
            Self::Need(need) => need.modified,
        }
    }

    pub(super) const fn status(&self) -> &'static str {
        let deleted = match self {
            Self::Board(board) => board.deleted,
            Self::School(school) => school.deleted,
            Self::Need(need) => need.deleted,
        };
        if deleted { "tobedeleted" } else { "active" }
    }

    /// The type of an org; needs have none.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Board(_) => "district",
            Self::School(_) => "school",
            Self::Need(_) => "",
        }
    }

    pub(super) fn json(&self, base_url: &str) -> Value {
        let (overlay, own) = match self {
            Self::Board(board) => (&board.overlay, board_json(board)),
            Self::School(school) => (&school.overlay, school_json(school, base_url)),
            Self::Need(need) => (&need.overlay, need_json(need, base_url)),
        };
        let mut record = json!({
            "sourcedId": self.sourced_id(),
            "status": self.status(),
            "dateLastModified": instant(self.modified()),
        });
        if let (Value::Object(record), Value::Object(own)) = (&mut record, own) {
            record.extend(own);
        }
        overlay.apply(record)
    }
}

fn board_json(board: &Board) -> Value {
    json!({
        "name": board_name(board),
        "type": "district",
        "identifier": board.number.to_string(),
        "metadata": {"kvk": board_kvk(board)},
    })
}

fn school_json(school: &School, base_url: &str) -> Value {
    json!({
        "name": school_name(school),
        "type": "school",
        "identifier": brin_code(school.code),
        "parent": org(&board_id(school.board), base_url),
        "metadata": {
            "latitude": school.location.map(|(latitude, _)| decimal(latitude, 5)),
            "longitude": school.location.map(|(_, longitude)| decimal(longitude, 5)),
            "pupils": school.pupils,
            "disadvantageScore": school.disadvantage_score.map(|score| decimal(score, 1)),
            "website": format!("https://{}", school_host(school)),
        },
    })
}

fn need_json(need: &Need, base_url: &str) -> Value {
    let theme = need.themes.places().next().unwrap_or_default();
    let title = need.title.or_else(|seed| words::need_title(seed, theme));
    let person = words::person(need.number);
    json!({
        "org": org(&school_id(need.school), base_url),
        "description": words::need_description(&title, theme),
        "title": title,
        "themes": need.themes.list(&THEMES),
        "supportKinds": need.support_kinds.list(&SUPPORT_KINDS),
        "barriers": need.barriers.list(&BARRIERS),
        "urgency": need.urgency,
        "needStatus": need.status,
        "fteAsked": need.fte.map(|fte| decimal(fte, 1)),
        "hoursPerWeekAsked": need.hours_per_week.map(|hours| decimal(hours, 1)),
        "startsOn": need.starts_on,
        "endsOn": need.ends_on,
        "contact": {
            "email": format!("{}@{}.school.example", words::slug(&person), brin_code(need.school).to_lowercase()),
            "name": person,
            "phone": words::phone(need.number),
        },
    })
}

/// A reference to an org.
fn org(id: &str, base_url: &str) -> Value {
    json!({"href": format!("{base_url}/boards/orgs/{id}"), "sourcedId": id, "type": "org"})
}

fn board_id(number: u32) -> String {
    format!("org-b-{number}")
}

fn school_id(code: u32) -> String {
    format!("org-s-{}", brin_code(code))
}

/// The name of a board.
pub(in crate::sandbox) fn board_name(board: &Board) -> String {
    board.name.or_else(|seed| words::board_name(seed, places::place_at(board.place)))
}

/// The invented number of a board in the trade register.
pub(in crate::sandbox) fn board_kvk(board: &Board) -> String {
    format!("{:08}", board.number)
}

/// The name of a school.
pub(in crate::sandbox) fn school_name(school: &School) -> String {
    school.name.or_else(words::school_name)
}

/// The host name of a school's website.
pub(in crate::sandbox) fn school_host(school: &School) -> String {
    format!("www.{}.school.example", words::slug(&school_name(school)))
}
