//! Descriptions that cannot work: everything that is wrong is told at once, at start, each with its place.

use anyhow::Result;
use gateway::config::{Environment, Settings};

const HEAD: &str = "[[source]]\nid = \"s\"\nconnector = \"declarative\"\nbase_url = \"https://s.example.nl\"\n";

/// A description that is right but for what `wrong` puts in the place of `right`; what is said of it.
fn said(right: &str, wrong: &str) -> Vec<String> {
    let text = format!(
        "{HEAD}[source.interface]\nkind = \"municipal\"\n[source.interface.housing_options]\npath = \"homes\"\n\
         records = \"$.homes\"\nid = \"$.id\"\npaging = {{ by = \"page\", parameter = \"page\" }}\n\
         [source.interface.housing_options.fields]\ntitle = \"$.name\"\nmunicipality = \"$.city\"\n\
         rent = {{ path = \"$.rent\", money = \"euros\" }}\nstatus = {{ path = \"$.s\", codes = {{ free = \"AVAILABLE\" }} }}\n"
    );
    assert!(text.contains(right), "{right}");
    problems(&text.replacen(right, wrong, 1))
}

fn problems(text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("hub.toml");
    std::fs::write(&file, text).expect("a file");
    let none: [(&str, &str); 0] = [];
    let Err(error) = Settings::load(Some(&file), &Environment::given(none)) else { return Vec::new() };
    let shown = error.to_string().replace(&file.display().to_string(), "hub.toml");
    shown.lines().map(str::to_owned).collect()
}

/// The one thing that is said.
fn one(right: &str, wrong: &str) -> String {
    let said = said(right, wrong);
    assert_eq!(said.len(), 1, "{said:#?}");
    said.into_iter().next().unwrap_or_default()
}

#[test]
fn a_description_that_is_right_is_taken() {
    assert_eq!(said("$.name", "$.name"), Vec::<String>::new());
}

#[test]
fn an_unknown_transform_is_told_with_its_place_and_what_there_is() {
    let line = one("title = \"$.name\"", "title = { path = \"$.name\", uppercase = true }");
    assert!(
        line.starts_with("hub.toml:13:28: source \"s\".interface.housing_options.fields.title.uppercase: "),
        "{line}"
    );
    assert!(line.contains("known are path, constant, join, separator"), "{line}");
}

#[test]
fn a_path_that_is_none_is_told_with_the_character() {
    let line = one("\"$.name\"", "\"$.name[?@.a = 1]\"");
    assert!(
        line.starts_with("hub.toml:13:1: source \"s\".interface.housing_options.fields.title.path: is no JSONPath"),
        "{line}"
    );
    assert!(line.contains("at character "), "{line}");
}

#[test]
fn a_field_that_there_is_none_of_is_told_with_those_there_are() {
    let line = one("title = \"$.name\"", "title = \"$.name\"\nprice = \"$.price\"");
    assert!(line.starts_with("hub.toml:14:1: source \"s\".interface.housing_options.fields.price: "), "{line}");
    assert!(line.contains("have no such field; theirs are title, municipality"), "{line}");
}

#[test]
fn what_a_record_cannot_do_without_must_be_described() {
    let line = one("title = \"$.name\"\n", "");
    assert!(line.contains("fields.title: is missing: housing_options are not taken without it"), "{line}");
}

#[test]
fn a_path_must_lie_below_the_address() {
    for path in ["https://elsewhere.example/homes", "//elsewhere.example/homes", "../homes", "homes?x=1"] {
        let line = one("\"homes\"", &format!("\"{path}\""));
        assert!(
            line.starts_with("hub.toml:8:1: source \"s\".interface.housing_options.path: expected a path"),
            "{line}"
        );
    }
}

#[test]
fn values_that_the_description_puts_in_must_be_the_hubs() {
    let line = one("\"AVAILABLE\"", "\"FREE\"");
    assert!(line.contains("fields.status.codes.free: is no HousingStatus: expected one of AVAILABLE"), "{line}");
    let line = one("title = \"$.name\"", "title = \"$.name\"\nrooms = { constant = \"many\" }");
    assert!(line.contains("rooms.constant: is not what this field takes: expected a number"), "{line}");
}

#[test]
fn transforms_that_do_not_fit_their_field_are_told() {
    let cases = [
        ("rent = { path = \"$.rent\", money = \"euros\" }", "rent = \"$.rent\"", "rent.money: is missing"),
        (
            "title = \"$.name\"",
            "title = { path = \"$.name\", money = \"cents\" }",
            "title.money: is for amounts of money",
        ),
        ("title = \"$.name\"", "title = { path = \"$.name\", format = \"%d\" }", "title.format: is for dates"),
        (
            "title = \"$.name\"",
            "title = { path = \"$.a\", constant = \"b\" }",
            "title: expected just one of path, constant",
        ),
        (
            "title = \"$.name\"",
            "title = { join = [\"$.a\", { path = \"$.b\", sum = true, money = \"euros\" }] }",
            "join.1.money",
        ),
        (
            "title = \"$.name\"",
            "title = \"$.name\"\navailable_from = { path = \"$.d\", format = \"%Q\" }",
            "is no form of a date",
        ),
        ("title = \"$.name\"", "title = \"$.name\"\nlatitude = \"$.lat\"", "longitude: is missing"),
    ];
    for (right, wrong, expected) in cases {
        let line = one(right, wrong);
        assert!(line.contains(expected), "{expected}: {line}");
    }
}

#[test]
fn paging_must_have_what_its_way_needs_and_nothing_else() {
    let paging = "{ by = \"page\", parameter = \"page\" }";
    let cases = [
        ("{ by = \"page\" }", "paging.parameter: is missing"),
        ("{ by = \"cursor\", parameter = \"c\" }", "paging.next: is missing"),
        ("{ by = \"hal\", next = \"$.next\" }", "paging.next: has no meaning where pages go by hal"),
        ("{ by = \"page\", parameter = { body = \"/page\" } }", "paging.parameter: there is no `body`"),
        (
            "{ by = \"page\", parameter = \"p\", size = { parameter = \"n\", records = 0 } }",
            "size.records: must be from 1",
        ),
        (
            "{ by = \"pages\", parameter = \"p\" }",
            "paging.by: expected one of offset, page, cursor, link, hal, next_url",
        ),
    ];
    for (wrong, expected) in cases {
        let line = one(paging, wrong);
        assert!(line.contains(expected), "{expected}: {line}");
    }
}

#[test]
fn secrets_are_not_written_and_tokens_not_set_by_hand() {
    let headers = |text: &str| one("kind = \"municipal\"\n", &format!("kind = \"municipal\"\nheaders = {text}\n"));
    let line = headers("{ Authorization = \"Bearer hush\" }");
    assert!(
        line.contains("headers.Authorization: is not for a description to set") && !line.contains("hush"),
        "{line}"
    );
    let line = headers("{ X-API-KEY = { env = \"NOT_SET\" } }");
    assert!(line.contains("headers.X-API-KEY: the environment variable NOT_SET is not set"), "{line}");
}

#[test]
fn everything_is_told_at_once() {
    let text = format!(
        "{HEAD}[source.interface]\nkind = \"partner\"\n[source.interface.partners]\npath = \"p\"\nrecords = \"homes\"\n\
         id = {{ path = \"$.id\", money = \"euros\" }}\nsince = {{ parameter = \"s\", text = \"x\" }}\n\
         [source.interface.partners.fields]\nnaam = \"$.name\"\n"
    );
    let said = problems(&text);
    let keys = ["records", "since.text", "id.money", "since", "fields.naam", "fields.name"];
    for key in keys {
        let key = format!("interface.partners.{key}: ");
        assert!(said.iter().any(|line| line.contains(&key)), "{key} {said:#?}");
    }
    assert_eq!(said.len(), keys.len(), "{said:#?}");
}

#[test]
fn a_source_is_described_or_it_is_not() -> Result<()> {
    let said = problems(HEAD);
    assert_eq!(said, ["hub.toml: source \"s\": source `s`: [source.interface] is missing, which describes it"]);
    let text = HEAD.replace("declarative", "partner") + "[source.interface]\nkind = \"partner\"\n";
    let said = problems(&text);
    assert!(said.iter().any(|line| line.contains("interface: is for connector = \"declarative\"")), "{said:#?}");
    let text = format!("{HEAD}[source.interface]\nkind = \"hub\"\n");
    assert!(
        problems(&text)[0].contains("interface.kind: expected one of municipal, school_board"),
        "{:?}",
        problems(&text)
    );
    Ok(())
}
