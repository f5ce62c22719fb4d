//! Whole readings of files, page after page, as the engine does them.

use std::fs;
use std::path::{Path, PathBuf};

use entity::SchoolBoardNumber;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::record::{Record, Reference, School, SchoolBoard};

/// A header of an older file of schools, and of boards.
const SCHOOLS_HEADER: &str = "BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM;BEVOEGD GEZAG NUMMER;TELEFOONNUMMER";
const BOARDS_HEADER: &str = "BEVOEGD GEZAG NUMMER;BEVOEGD GEZAG NAAM";

/// Files in a temporary place, and a connector to read them with.
struct Register {
    directory: TempDir,
    connector: Arc<dyn Connector>,
    api: Api,
}

fn settings(locations: &Path, boards: Option<&Path>) -> SourceSettings {
    let mut settings = json!({"id": "duo", "connector": "school_register", "locations": locations});
    if let Some(boards) = boards {
        settings["boards"] = json!(boards);
    }
    serde_json::from_value(settings).unwrap()
}

impl Register {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (schools, boards) = (directory.path().join("schools.csv"), directory.path().join("boards.csv"));
        let settings = settings(&schools, Some(&boards));
        let api = Api::new(&crate::api::client().unwrap(), &settings, None).unwrap();
        Self { directory, connector: build(&settings).unwrap(), api }
    }

    fn with(stream: &str, content: impl AsRef<[u8]>) -> Self {
        let register = Self::new();
        register.write(stream, content);
        register
    }

    fn write(&self, stream: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(stream), content).unwrap();
    }

    fn path(&self, stream: &str) -> PathBuf {
        self.directory.path().join(format!("{stream}.csv"))
    }

    async fn page(&self, stream: &str, token: Option<&str>) -> Result<Page> {
        self.connector.read(&self.api, ReadRequest { stream, since: None, token }).await
    }

    /// All records, and how many pages they came on.
    async fn all(&self, stream: &str) -> (Vec<Value>, usize) {
        let (mut records, mut pages, mut token) = (Vec::new(), 0, None::<String>);
        loop {
            let page = self.page(stream, token.as_deref()).await.unwrap();
            records.extend(page.records);
            pages += 1;
            match page.next {
                Some(next) => assert_ne!(token.replace(next), token, "a token came again"),
                None => return (records, pages),
            }
        }
    }

    async fn mapped(&self, stream: &str) -> Vec<std::result::Result<Mapped, Refused>> {
        self.all(stream).await.0.iter().map(|raw| self.connector.map(stream, raw)).collect()
    }
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/school_register").join(name)).unwrap()
}

fn school(mapped: &std::result::Result<Mapped, Refused>) -> &School {
    match mapped {
        Ok(Mapped::Record { external_id, record, modified_at: None }) => match record.as_ref() {
            Record::School(school) if school.brin.as_str() == external_id => school,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn board(mapped: &std::result::Result<Mapped, Refused>) -> &SchoolBoard {
    match mapped {
        Ok(Mapped::Record { external_id, record, modified_at: None }) => match record.as_ref() {
            Record::SchoolBoard(board) if board.number.as_str() == external_id => board,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_dialects_tell_the_same_of_boards() {
    for (file, third) in [
        ("boards/older-semicolons-windows-1252.csv", "Vereniging voor Christelijk Testonderwijs"),
        ("boards/newer-commas-quoted.csv", "Vereniging \"De Toets\", voor Christelijk Testonderwijs"),
    ] {
        let mapped = Register::with("boards", fixture(file)).mapped("boards").await;
        let boards: Vec<_> = mapped.iter().map(board).collect();
        let told = |index: usize| {
            let board: &SchoolBoard = boards[index];
            (board.number.as_str(), board.name.as_deref().unwrap(), board.kvk.as_ref().map(entity::Kvk::as_str))
        };
        assert_eq!(told(0), ("99001", "Stichting Voorbeeldonderwijs Noord", Some("99000001")), "{file}");
        assert_eq!(told(1), ("99002", "Stichting Katholiek Proefonderwijs Coöperatie", Some("09900002")), "{file}");
        assert_eq!(told(2), ("00903", third, None), "{file}");
        assert_eq!(boards.len(), 3);
    }
}

#[tokio::test]
async fn both_dialects_tell_the_same_of_schools() {
    let older = Register::with("schools", fixture("schools/older-semicolons-windows-1252.csv")).mapped("schools").await;
    let newer = Register::with("schools", fixture("schools/newer-commas-quoted.csv")).mapped("schools").await;
    let names = |mapped: &[_]| mapped.iter().map(|each| school(each).name.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(names(&older)[..2], ["Basisschool De Proefvlinder", "De Proefvlinder, locatie Süd"]);
    assert_eq!(names(&newer)[..2], ["Basisschool \"De Proefvlinder\"", "De Proefvlinder, locatie Süd; dependance"]);
    let pupils: Vec<_> = newer.iter().map(|each| school(each).pupils).collect();
    assert_eq!(pupils, [Some(212), None, None, Some(140)]);
    for (older, newer) in older.iter().zip(&newer) {
        let (older, newer) = (school(older), school(newer));
        assert_eq!(older, &School { name: older.name.clone(), pupils: None, ..newer.clone() });
    }
    assert_eq!((older.len(), newer.len()), (4, 4));
}

#[tokio::test]
async fn a_school_has_what_the_register_says_of_it() {
    let mapped =
        Register::with("schools", fixture("schools/older-semicolons-windows-1252.csv")).mapped("schools").await;
    let (second, last) = (school(&mapped[1]), school(&mapped[3]));
    let told = serde_json::to_value(second).unwrap();
    assert_eq!(
        told,
        json!({
            "brin": "99AA01", "name": "De Proefvlinder, locatie Süd", "denomination": "Openbaar",
            "address": {"street": "Dijkje", "house_number": "7", "postcode": "9999 XB",
                "city": "Voorbeelddijk aan den IJssel"},
            "board": {"key": "99001"},
            "municipality": {"code": "GM9901", "name": "Voorbeeldstad", "region": "centraal-groningen"},
        })
    );
    assert_eq!(last.board, Some(Reference::Key("00903".parse::<SchoolBoardNumber>().unwrap())));
    let municipality = last.municipality.as_ref().unwrap();
    assert_eq!((municipality.code.as_str(), municipality.name.as_deref()), ("GM0993", Some("'s-Testendorp")));
    assert_eq!(municipality.region.as_deref(), Some("zuid-en-midden-drenthe"));
    assert_eq!((last.website.as_deref(), last.denomination.as_deref()), (None, Some("Protestants-christelijk")));
    assert_eq!(school(&mapped[0]).website.as_deref(), Some("https://www.proefvlinder.example"));
}

#[tokio::test]
async fn pages_visit_each_row_once() {
    let rows: Vec<String> = (0..1_700).map(|number| format!("{number:05};\"Bestuur;\r\n {number}\"\r\n")).collect();
    let register = Register::with("boards", format!("{BOARDS_HEADER}\r\n{}", rows.concat()));
    let (records, pages) = register.all("boards").await;
    let numbers: Vec<_> = records.iter().map(|raw| raw["BEVOEGD GEZAG NUMMER"].as_str().unwrap().to_owned()).collect();
    assert_eq!(numbers, (0..1_700).map(|number| format!("{number:05}")).collect::<Vec<_>>());
    assert_eq!(records[1_699]["BEVOEGD GEZAG NAAM"], "Bestuur;\r\n 1699");
    assert_eq!(pages, 4);
}

#[tokio::test]
async fn pages_of_long_rows_visit_each_row_once() {
    let long = "lang ".repeat(2_000);
    let rows: Vec<String> = (1..=150).map(|number| format!("\"{number}\",\"{long}\n\"\n")).collect();
    let register = Register::with("boards", format!("{}\n{}", BOARDS_HEADER.replace(';', ","), rows.concat()));
    let (records, pages) = register.all("boards").await;
    let numbers: Vec<_> = records.iter().map(|raw| raw["BEVOEGD GEZAG NUMMER"].as_str().unwrap().to_owned()).collect();
    assert_eq!(numbers, (1..=150).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(pages > 2, "{pages}");
}

#[tokio::test]
async fn a_place_in_a_file_that_changed_is_no_place() {
    let rows = |name: &str| (1..=600).map(|number| format!("{number};{name}\r\n")).collect::<String>();
    let register = Register::with("boards", format!("{BOARDS_HEADER}\r\n{}", rows("een")));
    let next = register.page("boards", None).await.unwrap().next.unwrap();
    assert!(register.page("boards", Some(&next)).await.is_ok());
    register.write("boards", format!("{BOARDS_HEADER}\r\n{}", rows("twee")));
    let error = register.page("boards", Some(&next)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Paging);
    assert_eq!(register.all("boards").await.0.len(), 600);
}

#[tokio::test]
async fn a_row_that_is_none_is_refused_alone() {
    let text = format!(
        "{SCHOOLS_HEADER}\r\n99AA;00;De Vlinder;99001;0000000001\r\n99AA;01;De; Rups;99001;0000000002\r\n\
         99BB;99BB00;De Kever;99001;\r\n;;;;\r\n99CC;0"
    );
    let mapped = Register::with("schools", text).mapped("schools").await;
    let refused = |index: usize| mapped[index].clone().unwrap_err();
    assert_eq!(school(&mapped[0]).brin.as_str(), "99AA00");
    assert_eq!(refused(1).external_id.as_deref(), Some("99AA01"));
    assert_eq!(refused(1).reasons, ["line 3 has 6 fields where 5 were due"]);
    assert_eq!(school(&mapped[2]).brin.as_str(), "99BB00");
    assert!(matches!(mapped[3], Ok(Mapped::Ignored(_))));
    assert_eq!(refused(4).reasons, ["line 6 has 2 fields where 5 were due"]);
    assert_eq!(mapped.len(), 5);
}

#[tokio::test]
async fn of_a_row_that_is_none_no_telephone_number_is_kept() {
    let text = format!("{SCHOOLS_HEADER}\r\n99AA;01;De; Rups;99001;0612345678\r\n");
    let (records, _) = Register::with("schools", text).all("schools").await;
    assert!(!records[0].to_string().contains("0612345678"), "{}", records[0]);
}

#[tokio::test]
async fn a_file_that_breaks_off_in_a_quoted_row_says_so() {
    let text = "\"BEVOEGD GEZAG NUMMER\",\"BEVOEGD GEZAG NAAM\"\n\"99001\",\"Een\"\n\"99002\",\"Twe";
    let mapped = Register::with("boards", text).mapped("boards").await;
    assert_eq!(board(&mapped[0]).number.as_str(), "99001");
    let refused = mapped[1].clone().unwrap_err();
    assert_eq!(refused.external_id.as_deref(), Some("99002"));
    assert_eq!(refused.reasons, ["the file breaks off in the middle of this row, in line 3"]);
}

#[tokio::test]
async fn a_file_that_is_not_the_register_is_malformed() {
    for (content, what) in [
        ("", "empty"),
        ("<!DOCTYPE html>\n<title>Onderhoud</title>", "HTML"),
        ("NAAM;PLAATS\r\na;b\r\n", "`VESTIGINGSCODE` (or `VESTIGINGSNUMMER`) or `INSTELLINGSCODE` (or `BRIN NUMMER`)"),
        ("BRIN NUMMER;PLAATS\r\na;b\r\n", "it has no column `VESTIGINGSNAAM`; its columns are BRIN NUMMER, PLAATS"),
    ] {
        let error = Register::with("schools", content).page("schools", None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_register_of_no_rows_is_one_empty_page() {
    for text in [BOARDS_HEADER.to_owned(), format!("{BOARDS_HEADER}\r\n\r\n")] {
        let (records, pages) = Register::with("boards", text).all("boards").await;
        assert_eq!((records.len(), pages), (0, 1));
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_the_operators_to_mend() {
    let error = Register::new().page("schools", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::File);
}

#[test]
fn records_of_the_portals_api_are_read_alike() {
    let connector = build(&settings(Path::new("x.csv"), None)).unwrap();
    let raw = json!({"_id": 7, "VESTIGINGSCODE": "99aa00 ", "VESTIGINGSNAAM": "De Vlinder", "GEMEENTENUMMER": 363,
        "BEVOEGD_GEZAG_NUMMER": 417, "TOTAAL": 180, "INTERNETADRES": null});
    let mapped = connector.map("schools", &raw);
    let school = school(&mapped);
    assert_eq!((school.brin.as_str(), school.pupils), ("99AA00", Some(180)));
    assert_eq!(school.municipality.as_ref().unwrap().code.as_str(), "GM0363");
    assert_eq!(school.board, Some(Reference::Key("00417".parse().unwrap())));
}

#[test]
fn a_location_is_known_however_its_code_is_written() {
    let connector = build(&settings(Path::new("x.csv"), None)).unwrap();
    for (columns, brin) in [
        (json!({"INSTELLINGSCODE": "99AA", "VESTIGINGSCODE": " \"99aa02\" "}), "99AA02"),
        (json!({"BRIN NUMMER": "99AA", "VESTIGINGSNUMMER": "99AA02"}), "99AA02"),
        (json!({"BRIN NUMMER": "99AA ", "VESTIGINGSNUMMER": "02"}), "99AA02"),
        (json!({"BRIN NUMMER": "99AA", "VESTIGINGSNUMMER": "2"}), "99AA02"),
        (json!({"BRIN NUMMER": "'99AA"}), "99AA00"),
    ] {
        let mut raw = columns;
        raw["VESTIGINGSNAAM"] = json!("De Vlinder");
        assert_eq!(school(&connector.map("schools", &raw)).brin.as_str(), brin, "{raw}");
    }
}

#[test]
fn all_that_is_wrong_with_a_school_is_told_at_once() {
    let connector = build(&settings(Path::new("x.csv"), None)).unwrap();
    let raw = json!({"BRIN NUMMER": "99AA", "VESTIGINGSNUMMER": " ", "VESTIGINGSNAAM": "", "GEMEENTENUMMER": "GM",
        "BEVOEGD GEZAG NUMMER": "x"});
    let refused = connector.map("schools", &raw).unwrap_err();
    assert_eq!(refused.external_id, None);
    assert_eq!(refused.reasons[..2], ["`VESTIGINGSNUMMER` is missing", "`VESTIGINGSNAAM` is missing"]);
    assert!(refused.reasons[2].starts_with("`BEVOEGD GEZAG NUMMER`: "), "{:?}", refused.reasons);
    let raw = json!({"VESTIGINGSNUMMER": "02", "VESTIGINGSNAAM": "De Vlinder"});
    let refused = connector.map("schools", &raw).unwrap_err();
    assert_eq!(refused.reasons, ["`INSTELLINGSCODE` (or `BRIN NUMMER`) is missing"]);
}

#[test]
fn a_board_is_not_lost_over_its_trade_register_number() {
    let connector = build(&settings(Path::new("x.csv"), None)).unwrap();
    let raw = |kvk: &str| json!({"BEVOEGD GEZAG NUMMER": "41", "BEVOEGD GEZAG NAAM": "Een", "KVK-NUMMER": kvk});
    assert_eq!(board(&connector.map("boards", &raw("onbekend"))).kvk, None);
    assert_eq!(board(&connector.map("boards", &raw("1234567"))).kvk.as_ref().unwrap().as_str(), "01234567");
}

#[test]
fn boards_are_a_stream_only_where_their_register_is_configured() {
    let streams = |boards: Option<&Path>| {
        let connector = build(&settings(Path::new("x.csv"), boards)).unwrap();
        connector.manifest().streams.iter().map(|stream| stream.name).collect::<Vec<_>>()
    };
    assert_eq!(streams(Some(Path::new("y.csv"))), ["boards", "schools"]);
    assert_eq!(streams(None), ["schools"]);
    let mut wants_boards = settings(Path::new("x.csv"), None);
    wants_boards.streams = Some(vec!["boards".to_owned()]);
    let error = build(&wants_boards).err().unwrap();
    assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("boards is missing"));
}

#[test]
fn a_source_without_locations_cannot_work() {
    let settings = serde_json::from_value(json!({"id": "duo", "connector": "school_register"})).unwrap();
    assert!(build(&settings).err().unwrap().to_string().contains("locations is missing"));
}
