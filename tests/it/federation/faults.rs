//! A partner that fails in whatever way costs its own fields, and no more than its time.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tests::subgraph::Mood;

use super::joined::Stage;

const QUERY: &str = "query ($brin: String!) { school(brin: $brin) { name may } sources { id } }";

#[tokio::test]
async fn a_partner_that_fails_costs_its_own_fields_alone() -> Result<()> {
    let stage = Stage::within("200ms").await?;
    for (mood, code, what) in [
        (Mood::Down, "UNAVAILABLE", "cannot be asked at present"),
        (Mood::Garbage, "UNAVAILABLE", "gave an answer that is no GraphQL"),
        (Mood::Endless, "UNAVAILABLE", "gave a larger answer than is taken"),
        (Mood::CutOff, "UNAVAILABLE", "cannot be asked at present"),
        (Mood::Slow(60_000), "TIMEOUT", "did not answer in time"),
    ] {
        stage.partner.be(mood);
        let began = Instant::now();
        let answer = stage.ask(QUERY).await?;
        // Its time is 200 ms; a minute would be its own.
        assert!(began.elapsed() < Duration::from_secs(20), "{mood:?}");
        assert!(answer["data"]["school"]["name"].is_string() && answer["data"]["sources"].is_array(), "{answer}");
        assert_eq!(answer["data"]["school"]["may"], Value::Null, "{mood:?}");
        let errors = answer["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{mood:?}: {answer}");
        assert_eq!(errors[0]["message"], json!(format!("The subgraph `workshops` {what}.")), "{mood:?}");
        assert_eq!(errors[0]["path"], json!(["school"]), "{mood:?}");
        let extensions = &errors[0]["extensions"];
        assert_eq!((&extensions["code"], &extensions["serviceName"]), (&json!(code), &json!("workshops")), "{mood:?}");
    }
    // A field of the root that only it has.
    let answer = stage.ask("{ workshop(brin: \"a\") { id } }").await?;
    assert_eq!((&answer["data"], &answer["errors"][0]["path"]), (&Value::Null, &json!(["workshop"])), "{answer}");
    stage.partner.be(Mood::Well);
    let answer = stage.ask("query ($brin: String!) { school(brin: $brin) { workshops { id } } }").await?;
    assert_eq!(answer["data"]["school"]["workshops"][0]["id"], "w1", "{answer}");
    Ok(())
}
