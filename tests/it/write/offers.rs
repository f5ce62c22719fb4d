//! Pushes of many records: each its own outcome, nothing twice, and many clients at once.

use std::collections::HashMap;

use anyhow::{Context, Result};
use entity::global_id::{GlobalId, Kind};
use entity::{change, housing_option, offer};
use futures::future::join_all;
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use tests::store::Backend;

use super::{Stage, caller, fault, faults, mutate};

fn named(name: &str) -> Value {
    json!({ "externalId": name, "title": format!("Aanbod {name}"), "themes": ["STRATEGIC_HR"] })
}

fn outcomes(answer: &Value) -> Vec<(&str, &str)> {
    let results = answer["results"].as_array().expect("results");
    results
        .iter()
        .map(|result| (result["externalId"].as_str().expect("an id"), result["outcome"].as_str().expect("an outcome")))
        .collect()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_bad_offer_does_not_stop_the_rest_and_the_same_again_changes_nothing(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let partner = stage.partner();
    let mut bad = named("b");
    bad["coverage"] = json!({ "municipalities": ["GM9999"], "regions": ["nergens"], "radiusKm": 5 });
    let mut good = named("c");
    good["coverage"] = json!({ "national": true, "municipalities": ["GM0363"] });
    let offers = json!([named("a"), bad, good, named("a")]);
    let pushed = stage.mutate(&partner, "upsertOffers", json!({ "offers": offers })).await?;
    let expected = [("a", "CREATED"), ("b", "REFUSED"), ("c", "CREATED"), ("a", "REFUSED")];
    assert_eq!(outcomes(&pushed), expected, "{pushed}");
    let of_bad: Vec<_> =
        pushed["results"][1]["userErrors"].as_array().context("errors")?.iter().map(|e| &e["field"]).collect();
    let path = |field: &str| json!(["offers", "1", "coverage", field]);
    assert_eq!(of_bad, [&path("municipalities"), &path("regions"), &path("radiusKm")]);
    assert_eq!(pushed["offers"].as_array().map(Vec::len), Some(2));

    let changes = change::Entity::find().count(stage.db()).await?;
    let again = stage.mutate(&partner, "upsertOffers", json!({ "offers": [named("a"), good] })).await?;
    assert_eq!(outcomes(&again), [("a", "UNCHANGED"), ("c", "UNCHANGED")]);
    assert_eq!(change::Entity::find().count(stage.db()).await?, changes);
    // What reaches elsewhere is another offer, though its row says the same.
    let mut farther = good.clone();
    farther["coverage"] = json!({ "national": true });
    let moved = stage.mutate(&partner, "upsertOffers", json!({ "offers": [farther] })).await?;
    assert_eq!(outcomes(&moved), [("c", "UPDATED")]);

    let ended = json!({ "externalIds": ["a", "nooit", "c"] });
    let withdrawn = stage.mutate(&partner, "withdrawOffers", ended.clone()).await?;
    assert_eq!(faults(&withdrawn), fault("externalIds.1", "NOT_FOUND"));
    let offers = withdrawn["offers"].as_array().context("offers")?;
    assert!(offers.len() == 2 && offers.iter().all(|offer| offer["status"] == "ENDED"), "{withdrawn}");
    let many: Vec<Value> = (0..501).map(|number| named(&number.to_string())).collect();
    let refused = stage.mutate(&partner, "upsertOffers", json!({ "offers": many })).await?;
    assert_eq!(faults(&refused), fault("offers", "TOO_MANY"));
    let elsewhere = GlobalId::new(Kind::Partner, stage.other_partner.id).to_string();
    let foreign = stage.mutate(&partner, "upsertOffers", json!({ "partner": elsewhere, "offers": [] })).await?;
    assert_eq!(faults(&foreign), fault("partner", "NOT_FOUND"));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_clients_push_five_hundred_each_and_each_stands_once(#[case] backend: Backend) -> Result<()> {
    const CLIENTS: usize = 16;
    const EACH: usize = 500;
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let graph = stage.hub.graph();
    let (partner, other) =
        (stage.partner(), caller(&format!("partner:{}", stage.other_partner.kvk.as_deref().context("a KvK number")?)));
    let before = change::Entity::find().count(stage.db()).await?;
    // Half of them for one partner, half for another; each offer is sent by two clients at once.
    let pushes = (0..CLIENTS).map(|client| {
        let (graph, caller) = (graph.clone(), if client % 2 == 0 { partner.clone() } else { other.clone() });
        tokio::spawn(async move {
            let block = client / 4;
            let offers: Vec<Value> = (0..EACH).map(|number| named(&format!("{block}-{number}"))).collect();
            mutate(&graph, &caller, "upsertOffers", json!({ "offers": offers })).await
        })
    });
    let mut tally: HashMap<String, usize> = HashMap::new();
    for pushed in join_all(pushes).await {
        let pushed = pushed??;
        for (_, outcome) in outcomes(&pushed) {
            *tally.entry(outcome.to_owned()).or_default() += 1;
        }
    }
    let half = CLIENTS * EACH / 2;
    assert_eq!(tally, HashMap::from([("CREATED".to_owned(), half), ("UNCHANGED".to_owned(), half)]));
    for partner_id in [stage.partner.id, stage.other_partner.id] {
        let sent = offer::Entity::find()
            .filter(offer::Column::PartnerId.eq(partner_id))
            .filter(offer::Column::SourceId.eq(format!("api-partner-{partner_id}")));
        assert_eq!(usize::try_from(sent.count(stage.db()).await?)?, half / 2);
    }
    let after = change::Entity::find().count(stage.db()).await?;
    assert_eq!(usize::try_from(after - before)?, half, "each change once in the feed");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn municipalities_and_those_who_let_write_their_homes(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let city = caller("municipality:GM0363");
    let home = |name: &str| {
        json!({ "externalId": name, "title": "Een woning", "type": "STUDIO", "segment": "MID_RENT", "rentPerMonthCents": 90000,
                "address": { "postcode": "1234ab" }, "eligibility": { "teachersOnly": true, "minimumFte": 0.6 } })
    };
    let mut wrong = home("w");
    super::merge(&mut wrong, json!({ "rentPerMonthCents": -1, "municipality": "GM0599", "homes": 0 }));
    let options = json!({ "options": [home("h"), wrong] });
    let pushed = stage.mutate(&city, "upsertHousingOptions", options.clone()).await?;
    assert_eq!(outcomes(&pushed), [("h", "CREATED"), ("w", "REFUSED")], "{pushed}");
    assert_eq!(pushed["results"][1]["userErrors"][0]["code"], json!("FORBIDDEN"));
    assert_eq!(pushed["housingOptions"][0]["municipality"]["code"], json!("GM0363"));
    let again = stage.mutate(&city, "upsertHousingOptions", options).await?;
    assert_eq!(outcomes(&again)[0], ("h", "UNCHANGED"));

    // The same name of another sender is another home.
    let let_by = json!({ "municipality": "GM0363", "options": [home("h")] });
    let pushed = stage.mutate(&stage.partner(), "upsertHousingOptions", let_by).await?;
    assert_eq!(outcomes(&pushed), [("h", "CREATED")], "{pushed}");
    let provider = GlobalId::new(Kind::Partner, stage.partner.id).to_string();
    assert_eq!(pushed["housingOptions"][0]["provider"]["id"], json!(provider));
    let nowhere = stage.mutate(&stage.partner(), "upsertHousingOptions", json!({ "options": [home("x")] })).await?;
    assert_eq!(nowhere["results"][0]["userErrors"][0]["code"], json!("INVALID"));
    let homes = housing_option::Entity::find().filter(housing_option::Column::ExternalId.eq("h"));
    assert_eq!(homes.count(stage.db()).await?, 2);

    let scheme = json!({ "schemes": [{ "externalId": "s", "name": "Voorrang", "status": "OPEN", "validFrom": "2026-01-01", "quota": 10 }] });
    let made = stage.mutate(&city, "upsertHousingSchemes", scheme.clone()).await?;
    assert_eq!(outcomes(&made), [("s", "CREATED")], "{made}");
    let mut suspended = scheme.clone();
    suspended["schemes"][0]["status"] = json!("SUSPENDED");
    let made = stage.mutate(&city, "upsertHousingSchemes", suspended).await?;
    assert_eq!((outcomes(&made)[0].1, &made["housingSchemes"][0]["status"]), ("UPDATED", &json!("SUSPENDED")));
    let refused = stage.mutate(&stage.partner(), "upsertHousingSchemes", scheme).await?;
    assert_eq!(faults(&refused), fault("", "FORBIDDEN"));
    Ok(())
}
