//! The four systems: shapes of their standards, paging, and changes that show.

use std::collections::HashSet;

use super::*;

const SCHOOLS: &str = "/alle-vestigingen-basisonderwijs.csv";

fn rows(text: &str, delimiter: u8) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
    reader.records().map(Result::unwrap).collect()
}

#[tokio::test]
async fn duo_serves_both_dialects() {
    let bench = Bench::start().await;
    let newer = bench.get(System::Duo, SCHOOLS).await.bytes().await.unwrap();
    let newer = std::str::from_utf8(&newer).unwrap().strip_prefix('\u{feff}').unwrap();
    assert!(newer.starts_with("\"PROVINCIE\",\"BEVOEGD GEZAG NUMMER\""));
    let newer = rows(newer, b',');
    assert_eq!(newer.len(), 41);
    assert!(newer.iter().any(|row| &row[3] == "99AA00" && &row[9] == "0363"));

    let older = bench.get(System::Duo, &format!("{SCHOOLS}?dialect=older")).await;
    assert_eq!(header(&older, "content-type").unwrap(), "text/csv; charset=windows-1252");
    let older = older.text().await.unwrap();
    assert!(older.lines().next().unwrap().ends_with(";ONDERWIJSSTRUCTUUR") && older.contains("\r\n"));
    let older = rows(&older, b';');
    assert_eq!((&older[0][2], &older[0][3]), ("BRIN NUMMER", "VESTIGINGSNUMMER"));
    assert_eq!((&older[1][2], &older[1][3], &older[1][9]), ("99AA", "00", "363"));

    let boards = bench.get(System::Duo, "/bevoegde-gezagen-basisonderwijs.csv").await.text().await.unwrap();
    assert_eq!(rows(boards.trim_start_matches('\u{feff}'), b',').len(), 4);
}

#[tokio::test]
async fn duo_says_when_a_file_has_not_changed() {
    let bench = Bench::start().await;
    let tag = header(&bench.get(System::Duo, SCHOOLS).await, "etag").unwrap();
    let again = bench.ask(System::Duo, SCHOOLS).await.header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    bench.sandbox.edit(|sample| sample.schools.change(0, |school| school.name = "OBS De Nieuwe".into()));
    let again = bench.ask(System::Duo, SCHOOLS).await.header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert!(again.text().await.unwrap().contains("OBS De Nieuwe"));
}

#[tokio::test]
async fn oneroster_pages_visit_every_org_and_need_once() {
    let bench = Bench::start().await;
    for (path, list, count) in [("/orgs", "orgs", 44), ("/schools", "orgs", 40), ("/needs", "needs", 152)] {
        let mut seen = HashSet::new();
        let mut next =
            Some(format!("{}/ims/oneroster/rostering/v1p2{path}?limit=7", bench.sandbox.system_url(System::Boards)));
        while let Some(url) = next.take() {
            let answer = bench.get(System::Boards, &url).await;
            assert_eq!(header(&answer, "x-total-count").unwrap(), count.to_string());
            let links = header(&answer, "link").unwrap();
            next = links
                .split(", ")
                .find(|link| link.ends_with("rel=\"next\""))
                .map(|link| link.trim_start_matches('<').split('>').next().unwrap().to_owned());
            let page: Value = answer.json().await.unwrap();
            for item in page[list].as_array().unwrap() {
                assert!(seen.insert(item["sourcedId"].as_str().unwrap().to_owned()));
            }
        }
        assert_eq!(seen.len(), count);
    }
}

#[tokio::test]
async fn oneroster_records_have_the_standards_shape() {
    let bench = Bench::start().await;
    let school = bench.json(System::Boards, "/schools/org-s-99AA00").await["org"].clone();
    assert_eq!((school["type"].as_str(), school["identifier"].as_str()), (Some("school"), Some("99AA00")));
    assert_eq!(school["parent"]["sourcedId"], "org-b-90001");
    assert!(school["metadata"]["latitude"].is_number() && school["metadata"]["pupils"].is_number());
    let need = bench.json(System::Boards, "/needs/need-000001").await["need"].clone();
    assert_eq!(need["org"]["sourcedId"], "org-s-99AA00");
    assert!(need["themes"][0].is_string() && need["contact"]["email"].is_string());
    let deleted = bench.json(System::Boards, "/needs?filter=status%3D'tobedeleted'").await;
    assert_eq!(deleted["needs"].as_array().unwrap().len(), 2);
    let refused = bench.get(System::Boards, "/needs?filter=colour%3D'red'").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.json::<Value>().await.unwrap()["imsx_severity"], "error");
}

#[tokio::test]
async fn vera_pages_visit_every_publication_once() {
    let bench = Bench::start().await;
    let mut seen = HashSet::new();
    let mut path = "/publicaties".to_owned();
    loop {
        let request = bench.ask(System::Housing, &path).await.header("X-Parameters-AantalPerPagina", "40");
        let answer = request.send().await.unwrap();
        assert_eq!(header(&answer, "x-parameters-aantal").unwrap(), "150");
        let cursor = header(&answer, "x-parameters-cursor");
        for publication in answer.json::<Vec<Value>>().await.unwrap() {
            assert!(seen.insert(publication["id"].as_str().unwrap().to_owned()));
            let unit = &publication["eenheden"][0];
            assert_eq!(unit["adres"]["gemeente"]["code"].as_str().unwrap().len(), 4);
            assert!(unit["brutohuur"].is_number() && unit["adres"]["huisnummer"].is_string());
            assert!(publication["begindatum"].as_str().unwrap().ends_with("T00:00:00Z"));
        }
        let Some(cursor) = cursor else { break };
        path = format!("/publicaties?cursor={cursor}");
    }
    assert_eq!(seen.len(), 150);
    assert_eq!(bench.json(System::Housing, "/publicaties?pagina=8").await.as_array().unwrap().len(), 10);
    assert_eq!(bench.get(System::Housing, "/publicaties?cursor=xyz").await.status(), StatusCode::BAD_REQUEST);
    let schemes = bench.json(System::Housing, "/voorrangsregelingen").await;
    assert_eq!(schemes.as_array().unwrap().len(), 4);
    assert_eq!(schemes[0]["gemeente"]["code"], "0344");
}

#[tokio::test]
async fn hsds_pages_visit_every_record_once() {
    let bench = Bench::start().await;
    for (path, count) in [("/services", 120), ("/organizations", 12), ("/commitments", 200), ("/taxonomy_terms", 41)] {
        let mut seen = HashSet::new();
        for page in 1.. {
            let answer = bench.json(System::Partners, &format!("{path}?per_page=9&page={page}")).await;
            assert_eq!((&answer["total_items"], &answer["page_number"]), (&count.into(), &page.into()));
            for item in answer["contents"].as_array().unwrap() {
                assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
            }
            if answer["last_page"] == true {
                break;
            }
        }
        assert_eq!(seen.len(), count);
    }
    let past = bench.json(System::Partners, "/services?page=99").await;
    assert_eq!((&past["empty"], &past["contents"]), (&true.into(), &serde_json::json!([])));
}

#[tokio::test]
async fn hsds_gives_the_hubs_codes_as_taxonomy_terms() {
    let bench = Bench::start().await;
    let full = bench.json(System::Partners, "/services?full=true&per_page=200").await;
    let mut taxonomies = HashSet::new();
    for service in full["contents"].as_array().unwrap() {
        assert!(service["organization"]["id"].is_string() && service["languages"][0]["code"] == "nl");
        for attribute in service["attributes"].as_array().unwrap() {
            let term = &attribute["taxonomy_term"];
            assert_eq!(term["taxonomy"], term["taxonomy_detail"]["name"]);
            taxonomies.insert(term["taxonomy"].as_str().unwrap().to_owned());
            if term["code"] == "RADIUS_KM" {
                assert!(attribute["value"].is_string());
                assert!(service["service_at_locations"][0]["location"]["latitude"].is_number());
            }
        }
    }
    assert_eq!(taxonomies.len(), 7);
    let organization = full["contents"][0]["organization"]["id"].as_str().unwrap();
    let organization = bench.json(System::Partners, &format!("/organizations/{organization}")).await;
    assert_eq!(organization["organization_identifiers"][0]["identifier_scheme"], "NL-KVK");
    assert_eq!(organization["attributes"][0]["taxonomy_term"]["code"], "COMPANY");
}

#[tokio::test]
async fn edits_show_in_the_next_read_with_a_newer_date() {
    let bench = Bench::start().await;
    let before = bench.json(System::Boards, "/needs/need-000003").await["need"]["dateLastModified"].clone();
    bench.sandbox.edit(|sample| {
        sample.needs.change(3, |need| need.title = "Anders".into());
        sample.offers.change(4, |offer| offer.status = "defunct");
        sample.commitments.remove(5);
    });
    let need = bench.json(System::Boards, "/needs/need-000003").await["need"].clone();
    let after = need["dateLastModified"].as_str().unwrap();
    assert!(after > before.as_str().unwrap());
    assert_eq!(need["title"], "Anders");
    let changed = bench.json(System::Boards, &format!("/needs?filter=dateLastModified%3E%3D'{after}'")).await;
    assert_eq!(changed["needs"].as_array().unwrap().len(), 1);

    let changed = bench.json(System::Partners, &format!("/services?modified_after={after}")).await;
    assert_eq!((&changed["total_items"], &changed["contents"][0]["status"]), (&1.into(), &"defunct".into()));
    assert_eq!(bench.json(System::Partners, "/commitments").await["total_items"], 199);
}
