//! Faults, planned by a test and over HTTP.

use serde_json::json;

use super::*;
use crate::sandbox::{Fault, Target};

#[tokio::test]
async fn systems_fail_as_asked_and_then_recover() {
    let bench = Bench::start().await;
    let sandbox = &bench.sandbox;
    let path = "/publicaties";

    sandbox.fail(Fault::Status { code: 429, retry_after: Some(7) }.times(1).at(System::Housing));
    let answer = bench.get(System::Housing, path).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "retry-after").unwrap(), "7");

    sandbox.fail(Fault::Refused.times(1).on("/housing/publicaties"));
    assert_eq!(bench.get(System::Housing, path).await.status(), StatusCode::UNAUTHORIZED);

    sandbox.fail(Fault::HtmlPage.times(1).at(System::Housing));
    let answer = bench.get(System::Housing, path).await;
    assert!(header(&answer, "content-type").unwrap().starts_with("text/html"));
    assert!(answer.json::<Value>().await.is_err());

    sandbox.fail(Fault::TruncatedJson.times(1).at(System::Housing));
    let half = bench.get(System::Housing, path).await.text().await.unwrap();
    assert!(half.starts_with('[') && serde_json::from_str::<Value>(&half).is_err());

    sandbox.fail(Fault::BrokenConnection.times(1).at(System::Housing));
    assert!(bench.get(System::Housing, path).await.bytes().await.is_err());

    sandbox.fail(Fault::OversizedBody { bytes: 3_000_000 }.times(1).at(System::Housing));
    let long = bench.get(System::Housing, path).await;
    assert_eq!(long.content_length(), None);
    assert!(long.bytes().await.unwrap().len() >= 3_000_000);

    sandbox.fail(Fault::Stall.times(1).at(System::Housing));
    let stalled = bench.ask(System::Housing, path).await.timeout(Duration::from_millis(100)).send().await;
    assert!(stalled.unwrap_err().is_timeout());

    assert!(bench.json(System::Housing, path).await.is_array());
}

#[tokio::test]
async fn the_token_endpoint_fails_as_asked() {
    let bench = Bench::start().await;
    let client = bench.sandbox.client(System::Duo);
    bench.sandbox.fail(Fault::Refused.times(1).at(Target::Token));
    bench.sandbox.fail(Fault::Status { code: 503, retry_after: None }.times(1).at(Target::Token));
    assert_eq!(bench.ask_for_token(client).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(bench.ask_for_token(client).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.ask_for_token(client).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_file_can_lack_a_column() {
    let bench = Bench::start().await;
    bench.sandbox.fail(Fault::MissingColumn { column: "VESTIGINGSCODE".to_owned() }.always().at(System::Duo));
    let file = bench.get(System::Duo, "/alle-vestigingen-basisonderwijs.csv").await.text().await.unwrap();
    assert!(!file.contains("VESTIGINGSCODE") && file.contains("INSTELLINGSCODE"));
    bench.sandbox.clear_faults();
    let file = bench.get(System::Duo, "/alle-vestigingen-basisonderwijs.csv").await.text().await.unwrap();
    assert!(file.contains("VESTIGINGSCODE"));
}

#[tokio::test]
async fn paging_can_run_in_circles_and_a_directory_can_ignore_full() {
    let bench = Bench::start().await;
    bench.sandbox.fail(Fault::SamePage.times(2));
    let first = bench.json(System::Partners, "/services?per_page=5").await;
    let second = bench.json(System::Partners, "/services?per_page=5&page=2").await;
    assert_eq!(first, second);
    bench.sandbox.fail(Fault::IgnoresFull.times(1));
    let short = bench.json(System::Partners, "/services?per_page=1&full=true").await;
    assert!(short["contents"][0].get("attributes").is_none());
}

#[tokio::test]
async fn faults_and_changes_can_be_asked_for_over_http() {
    let bench = Bench::start().await;
    let faults = format!("{}/sandbox/faults", bench.sandbox.base_url());
    let plan = json!({"fault": {"status": {"code": 500}}, "target": "boards", "path": "/needs"});
    let answer = bench.http.post(&faults).json(&plan).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(bench.get(System::Boards, "/needs").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(bench.get(System::Boards, "/orgs").await.status(), StatusCode::OK);
    bench.http.delete(&faults).send().await.unwrap();
    assert_eq!(bench.get(System::Boards, "/needs").await.status(), StatusCode::OK);

    let changes = format!("{}/sandbox/changes", bench.sandbox.base_url());
    for (change, status) in [
        (json!({"kind": "need", "id": "need-000001", "set": {"title": "Anders"}}), StatusCode::NO_CONTENT),
        (json!({"kind": "home", "id": "pub-000001", "delete": true}), StatusCode::NO_CONTENT),
        (json!({"kind": "home", "id": "pub-999999", "delete": true}), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(bench.http.post(&changes).json(&change).send().await.unwrap().status(), status);
    }
    assert_eq!(bench.json(System::Boards, "/needs/need-000001").await["need"]["title"], "Anders");
    assert_eq!(bench.get(System::Housing, "/publicaties/pub-000001").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn stopping_ends_stalled_answers() {
    let bench = Bench::start().await;
    bench.sandbox.fail(Fault::Stall.always());
    let request = bench.ask(System::Housing, "/publicaties").await;
    let stalled = tokio::spawn(request.send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.sandbox.stop().await;
    assert!(tokio::time::timeout(SOON, stalled).await.is_ok());
}
