//! Endpoints that mean no good: they lead inside, lead on, never end, never answer.

use std::net::IpAddr;

use anyhow::{Context, Result};
use connectors::api::Names;
use entity::{webhook_delivery, webhook_endpoint};
use futures::FutureExt;
use gateway::config::WebhookSettings;
use gateway::webhooks::{Courier, Hooks};
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::json;
use tests::receiver::{Answer, Receiver};
use tests::store::Backend;

use super::{Stage, settings};

/// A courier of the stage's store that may reach public addresses alone, and for which every name leads to these.
fn courier(stage: &Stage, addresses: &[&str]) -> Result<Courier> {
    let public = WebhookSettings { private_networks: Vec::new(), ..settings() };
    let hooks = Hooks::open(&public)?.context("a key")?;
    let now = std::sync::Arc::clone(&stage.now);
    let clock = entity::Clock::from_fn(move || *now.lock().expect("a clock"));
    let found: Vec<IpAddr> = addresses.iter().map(|address| address.parse()).collect::<Result<_, _>>()?;
    let names = Names::from_fn(move |_| {
        let found = found.clone();
        async move { Ok(found) }.boxed()
    });
    Ok(Courier::new(stage.db().clone(), stage.graph.clone(), hooks, clock)?.naming(names)?)
}

async fn lead_to(stage: &Stage, url: &str) -> Result<()> {
    webhook_endpoint::Entity::update_many()
        .col_expr(webhook_endpoint::Column::Url, Expr::value(url))
        .exec(stage.db())
        .await?;
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_name_that_leads_inside_when_it_is_connected_to_leads_nowhere(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    let name = format!("http://partner.example:{}/hooks", receiver.address.port());
    let literal = format!("http://127.0.0.1:{}/hooks", receiver.address.port());
    let cases: [(&str, &[&str]); 6] = [
        (&name, &["127.0.0.1"]),
        // Of two, chance would choose.
        (&name, &["8.8.8.8", "127.0.0.1"]),
        (&name, &["::1"]),
        (&name, &["::ffff:127.0.0.1"]),
        (&name, &["169.254.169.254"]),
        // Written into the store by other means than registering.
        (&literal, &[]),
    ];
    for (url, addresses) in cases {
        lead_to(&stage, url).await?;
        stage.write(vec![stage.need("for inside")]).await?;
        let courier = courier(&stage, addresses)?;
        courier.plan().await?;
        courier.deliver_due().await?;
        let seen = stage.endpoint(&endpoint.id).await?;
        let attempt = &seen["deliveries"]["nodes"][0]["attempts"][0];
        assert_eq!(attempt["statusCode"], json!(null), "{url} {addresses:?}");
        let error = attempt["error"].as_str().with_context(|| format!("{url} {addresses:?}: {seen}"))?;
        assert!(error.contains("no public address"), "{url} {addresses:?}: {error}");
        // One at a time, for an endpoint that fails is asked with its oldest message.
        webhook_delivery::Entity::delete_many().exec(stage.db()).await?;
        stage.pass(chrono::TimeDelta::hours(1));
    }
    assert!(receiver.came().is_empty());
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn nobody_is_led_on(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let (receiver, inside) = (Receiver::start().await?, Receiver::start().await?);
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    for status in [301, 302, 303, 307, 308] {
        receiver.next([Answer::With(status, "location", inside.url())]);
        stage.write(vec![stage.need("elsewhere")]).await?;
        stage.courier.plan().await?;
        stage.courier.deliver_due().await?;
        let seen = stage.endpoint(&endpoint.id).await?;
        assert_eq!(seen["deliveries"]["nodes"][0]["attempts"][0]["statusCode"], status, "{seen}");
        assert_eq!(seen["deliveries"]["nodes"][0]["status"], "PENDING");
        stage.pass(chrono::TimeDelta::hours(1));
        stage.courier.deliver_due().await?;
    }
    assert!(inside.came().is_empty());
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_that_never_ends_or_never_answers_harms_nobody_else(#[case] backend: Backend) -> Result<()> {
    let brief = WebhookSettings { timeout_secs: 1, ..settings() };
    let Some(stage) = Stage::with(backend, brief).await? else { return Ok(()) };
    let (endless, silent, good) = (Receiver::start().await?, Receiver::start().await?, Receiver::start().await?);
    endless.answers(Answer::Endless);
    silent.answers(Answer::Never);
    let partner = stage.partner();
    let endless_id = stage.register(&partner, &endless).await?.id;
    let silent_id = stage.register(&partner, &silent).await?.id;
    stage.register(&partner, &good).await?;
    stage.write((0..3).map(|number| stage.need(&number.to_string())).collect()).await?;
    stage.deliver().await?;
    assert_eq!(good.came().len(), 3);
    // Its head was success; what follows is not read.
    let seen = stage.endpoint(&endless_id).await?;
    assert!(
        seen["deliveries"]["nodes"].as_array().context("messages")?.iter().all(|each| each["status"] == "DELIVERED")
    );
    let seen = stage.endpoint(&silent_id).await?;
    let attempts = &seen["deliveries"]["nodes"][0]["attempts"];
    assert_eq!((&attempts[0]["statusCode"], &seen["status"]), (&json!(null), &json!("ACTIVE")));
    assert!(attempts[0]["error"].as_str().is_some_and(|error| error.contains("did not answer within")), "{seen}");
    assert!(!seen["failingSince"].is_null(), "{seen}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_that_is_not_there_is_told_of_without_its_address(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    drop(receiver);
    stage.write(vec![stage.need("for nobody")]).await?;
    stage.deliver().await?;
    let seen = stage.endpoint(&endpoint.id).await?;
    let error = seen["deliveries"]["nodes"][0]["attempts"][0]["error"].as_str().context("an error")?;
    assert!(error.contains("cannot be reached") || error.contains("broke off"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
    Ok(())
}
