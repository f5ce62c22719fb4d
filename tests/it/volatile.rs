//! Records that change faster than their source is read: checked with it when somebody reads them, within bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_graphql::{Request, Variables};
use chrono::TimeDelta;
use connectors::SourceSettings;
use connectors::sandbox::{Fault, System};
use connectors::settings::VolatileSettings;
use connectors::sync::{Engine, Observer, RunOptions, SyncSettings};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{ChangeAction, HousingStatus, NeedStatus, OfferStatus, RecordType};
use entity::{Clock, change, housing_option, need, offer};
use futures::future::{join_all, try_join_all};
use gateway::config::{CacheSettings, LimitSettings};
use gateway::graphql::{Answered, Answering, Graph, Rechecks};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;

const AFTER: i64 = 300;
const HOME: &str = "query ($id: ID!) { node(id: $id) { ... on HousingOption { status homes } } }";
const HOMES: &str = "{ housingOptions(first: 100) { totalCount nodes { id rentPerMonth { amount } } } }";

/// A hub whose homes change faster than they are read.
struct World {
    hub: TestHub,
    engine: Arc<Engine>,
    source: SourceSettings,
    graph: Graph,
    seconds: Arc<AtomicI64>,
}

impl World {
    async fn open(backend: Backend, timeout: Duration) -> Result<Option<Self>> {
        Self::open_with(backend, timeout, System::Housing, "housing_options").await
    }

    /// A hub of which this stream of this system is volatile.
    async fn open_with(backend: Backend, timeout: Duration, system: System, stream: &str) -> Result<Option<Self>> {
        let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
        let seconds = Arc::new(AtomicI64::new(0));
        let (passed, wall) = (Arc::clone(&seconds), Clock::system());
        let clock = Clock::from_fn(move || wall.now() + TimeDelta::seconds(passed.load(Ordering::Relaxed)));
        let settings = VolatileSettings { after: Duration::from_secs(AFTER.unsigned_abs()), timeout };
        let source = SourceSettings { volatile: [(stream.to_owned(), settings)].into(), ..hub.source(system) };
        let observers: Vec<Arc<dyn Observer>> = vec![Arc::new(hub.feed.clone())];
        let db = hub.store.db.clone();
        let engine = Arc::new(Engine::new(db.clone(), clock.clone(), SyncSettings::default(), "worker", observers)?);
        for source in hub.sources() {
            engine.run(&source, &RunOptions::default()).await?;
        }
        let rechecks = Rechecks::new(&engine, std::slice::from_ref(&source), clock.clone());
        ensure!(rechecks.is_some(), "nothing is marked");
        let graph = Graph::new(db, clock, hub.feed.clone(), &LimitSettings::default()).rechecking(rechecks);
        let world = Self { hub, engine, source, graph, seconds };
        world.hub.sandbox.reset_counters();
        Ok(Some(world))
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn ask(&self, query: &str, variables: Value) -> Result<Value> {
        let request = Request::new(query).variables(Variables::from_json(variables));
        let answer = match self.graph.answer(request).await {
            Answered::Response(response) => serde_json::to_value(response)?,
            Answered::Kept(kept, _) => serde_json::from_slice(&kept.body)?,
        };
        ensure!(answer.get("errors").is_none_or(Value::is_null), "{answer}");
        Ok(answer)
    }

    /// A home that can be had: its row, and its number at the source.
    async fn home(&self) -> Result<(housing_option::Model, u32)> {
        let homes = housing_option::Entity::find().filter(housing_option::Column::Status.eq(HousingStatus::Available));
        let home = homes.order_by_asc(housing_option::Column::Id).one(&self.hub.store.db).await?.context("a home")?;
        let external_id = home.external_id.clone().context("an identifier")?;
        let number = external_id.trim_start_matches("pub-").trim_start_matches('0').parse()?;
        Ok((home, number))
    }

    async fn stored(&self, home: &housing_option::Model) -> Result<housing_option::Model> {
        housing_option::Entity::find_by_id(home.id).one(&self.hub.store.db).await?.context("it is stored")
    }

    /// What was asked of the housing system, and not by a sync.
    fn asked(&self) -> u64 {
        self.hub.sandbox.counters().housing.requests
    }
}

fn id(home: &housing_option::Model) -> Value {
    json!({ "id": GlobalId::new(Kind::HousingOption, home.id).to_string() })
}

fn homes(answer: &Value) -> &Value {
    &answer["data"]["node"]["homes"]
}

const PATIENCE: Duration = Duration::from_secs(30);

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_changed_since_it_was_read_is_shown_as_it_is_and_written_as_a_sync_writes_it(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(world) = World::open(backend, PATIENCE).await? else { return Ok(()) };
    let (home, number) = world.home().await?;
    let before = world.ask(HOME, id(&home)).await?;
    ensure!(world.asked() == 0, "it was read just before");
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.homes += 3));
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(homes(&answer) == homes(&before) && world.asked() == 0, "what is young enough is not asked for");

    world.pass(AFTER + 1);
    let answer = world.ask(HOME, id(&home)).await?;
    let expected = homes(&before).as_i64().context("a number")? + 3;
    ensure!(homes(&answer) == &json!(expected) && world.asked() == 1, "{answer}");
    ensure!(answer["extensions"]["freshness"]["complete"] == true, "{answer}");
    let changes = change::Entity::find().filter(change::Column::RecordId.eq(home.id));
    let changes = changes.order_by_asc(change::Column::Sequence).all(&world.hub.store.db).await?;
    let actions: Vec<_> = changes.iter().map(|change| change.action).collect();
    ensure!(actions == [ChangeAction::Created, ChangeAction::Updated], "{changes:?}");
    ensure!(world.stored(&home).await?.version == home.version + 1);

    // It counts as confirmed from now on, and a sync finds nothing left to do.
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(homes(&answer) == &json!(expected) && world.asked() == 1);
    let report = world.engine.run(&world.source, &RunOptions { full: true, ..RunOptions::default() }).await?;
    ensure!((report.tally.created, report.tally.updated, report.tally.deleted) == (0, 0, 0), "{report:?}");

    // One that is let goes from what everybody may see.
    let total = world.ask(HOMES, json!({})).await?["data"]["housingOptions"]["totalCount"].as_i64();
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.status = "AFG"));
    world.pass(AFTER + 1);
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(answer["data"]["node"].is_null(), "{answer}");
    ensure!(world.stored(&home).await?.status == HousingStatus::Let);
    let after = world.ask(HOMES, json!({})).await?["data"]["housingOptions"]["totalCount"].as_i64();
    ensure!(after == total.map(|total| total - 1), "{total:?} {after:?}");
    Ok(())
}

/// A page that was asked for before a record was checked by itself, and is written after.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_page_asked_for_before_a_check_does_not_bring_back_what_was(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::open(backend, PATIENCE).await? else { return Ok(()) };
    let (home, number) = world.home().await?;
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.homes = 77));
    world.pass(AFTER + 1);
    world.ask(HOME, id(&home)).await?;
    ensure!(world.stored(&home).await?.homes == 77);
    // What the page says was so before; its request is a moment older than the check.
    let before = u8::try_from(home.homes)?;
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.homes = before));
    world.pass(-200);
    let full = RunOptions { full: true, ..RunOptions::default() };
    let report = world.engine.run(&world.source, &full).await?;
    ensure!((report.tally.created, report.tally.updated, report.tally.deleted) == (0, 0, 0), "{report:?}");
    ensure!(world.stored(&home).await?.homes == 77, "an older page was believed");
    // The next run asks later than the check, and finds out.
    world.pass(400);
    let report = world.engine.run(&world.source, &full).await?;
    ensure!(report.tally.updated == 1, "{report:?}");
    ensure!(world.stored(&home).await?.homes == home.homes);
    Ok(())
}

/// Offers over HSDS, and needs over OneRoster.
#[rstest]
#[tokio::test]
async fn offers_and_needs_are_checked_by_themselves_as_homes_are(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Kind::Offer, Kind::Need)] kind: Kind,
) -> Result<()> {
    let (system, stream) = match kind {
        Kind::Offer => (System::Partners, "services"),
        _ => (System::Boards, "needs"),
    };
    let Some(world) = World::open_with(backend, PATIENCE, system, stream).await? else { return Ok(()) };
    let (record_id, external_id) = if kind == Kind::Offer {
        let offers = offer::Entity::find().filter(offer::Column::Status.eq(OfferStatus::Published));
        let offers = offers.filter(offer::Column::SourceId.eq(&world.source.id)).order_by_asc(offer::Column::Id);
        let offer = offers.one(&world.hub.store.db).await?.context("an offer")?;
        (offer.id, offer.external_id.context("an identifier")?)
    } else {
        let needs = need::Entity::find().filter(need::Column::Status.eq(NeedStatus::Open));
        let needs = needs.filter(need::Column::SourceId.eq(&world.source.id)).order_by_asc(need::Column::Id);
        let need = needs.one(&world.hub.store.db).await?.context("a need")?;
        (need.id, need.external_id.context("an identifier")?)
    };
    let asked = || match kind {
        Kind::Offer => world.hub.sandbox.counters().partners.requests,
        _ => world.hub.sandbox.counters().boards.requests,
    };
    let query = "query ($id: ID!) { node(id: $id) { ... on Offer { title } ... on Need { title } } }";
    let id = json!({ "id": GlobalId::new(kind, record_id).to_string() });
    let title = |answer: &Value| answer["data"]["node"]["title"].clone();
    let before = title(&world.ask(query, id.clone()).await?);
    let (named, field) = if kind == Kind::Offer { ("offer", "name") } else { ("need", "title") };
    let change = json!({ "kind": named, "id": external_id, "set": { field: "Een andere naam" } });
    let url = format!("{}/sandbox/changes", world.hub.sandbox.base_url());
    let changed = connectors::api::client()?.post(url).json(&change).send().await?;
    ensure!(changed.status().is_success(), "{}", changed.text().await?);
    ensure!(
        title(&world.ask(query, id.clone()).await?) == before && asked() == 0,
        "what is young enough is not asked for"
    );

    world.pass(AFTER + 1);
    let answer = world.ask(query, id.clone()).await?;
    ensure!(title(&answer) == "Een andere naam" && asked() == 1, "{answer}, {} asked", asked());
    ensure!(answer["extensions"]["freshness"]["complete"] == true, "{answer}");
    // A system that is down costs what is stored, and a word.
    world.pass(AFTER + 1);
    world.hub.sandbox.fail(Fault::Status { code: 503, retry_after: None }.always().at(system));
    let answer = world.ask(query, id.clone()).await?;
    ensure!(title(&answer) == "Een andere naam" && asked() == 2, "{answer}");
    let unconfirmed = json!([{ "id": world.source.id, "records": 1 }]);
    ensure!(answer["extensions"]["freshness"]["unconfirmed"] == unconfirmed, "{answer}");
    // What was checked is what a run would have written.
    world.hub.sandbox.clear_faults();
    let report = world.engine.run(&world.source, &RunOptions { full: true, ..RunOptions::default() }).await?;
    ensure!((report.tally.created, report.tally.updated, report.tally.deleted) == (0, 0, 0), "{report:?}");
    Ok(())
}

#[tokio::test]
async fn whoever_reads_one_record_at_once_asks_for_it_once() -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite, PATIENCE).await? else { return Ok(()) };
    let (home, number) = world.home().await?;
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.homes = 77));
    world.pass(AFTER + 1);
    world.hub.sandbox.fail(Fault::Slow { millis: 500 }.always().at(System::Housing));
    let answers = try_join_all((0..40).map(|_| world.ask(HOME, id(&home)))).await?;
    ensure!(answers.iter().all(|answer| homes(answer) == &json!(77)), "{answers:?}");
    ensure!(world.asked() == 1, "{} times", world.asked());
    Ok(())
}

#[tokio::test]
async fn no_answer_asks_for_more_records_than_a_few() -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite, PATIENCE).await? else { return Ok(()) };
    world.pass(AFTER + 1);
    let answer = world.ask(HOMES, json!({})).await?;
    let shown = answer["data"]["housingOptions"]["nodes"].as_array().context("homes")?.len();
    ensure!(shown > 20 && world.asked() == 20, "{shown} shown, {} asked for", world.asked());
    ensure!(world.hub.sandbox.counters().housing.greatest_at_once <= 4, "its places do not hold");
    let freshness = &answer["extensions"]["freshness"];
    ensure!(freshness["complete"] == false, "{freshness}");
    ensure!(freshness["unconfirmed"] == json!([{ "id": "housing", "records": shown - 20 }]), "{freshness}");
    // Whoever shows nothing that changes fast asks for nothing.
    world.ask("{ schools(first: 10) { nodes { name } } housingOptions(first: 5) { nodes { id } } }", json!({})).await?;
    ensure!(world.asked() == 20);
    Ok(())
}

#[rstest]
#[case::down(Fault::Status { code: 503, retry_after: None })]
#[case::silent(Fault::Stall)]
#[case::html(Fault::HtmlPage)]
#[case::cut_off(Fault::TruncatedJson)]
#[case::broken(Fault::BrokenConnection)]
#[tokio::test]
async fn a_source_that_fails_costs_its_time_once_and_the_answer_says_what_it_is(#[case] fault: Fault) -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite, Duration::from_millis(300)).await? else { return Ok(()) };
    let (home, number) = world.home().await?;
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.homes = 77));
    world.pass(AFTER + 1);
    world.hub.sandbox.fail(fault.always().at(System::Housing));
    for _ in 0..3 {
        let answer = world.ask(HOME, id(&home)).await?;
        ensure!(homes(&answer) == &json!(home.homes), "{answer}");
        let freshness = &answer["extensions"]["freshness"];
        ensure!(freshness["unconfirmed"] == json!([{ "id": "housing", "records": 1 }]), "{freshness}");
        ensure!(freshness["complete"] == false, "{freshness}");
    }
    ensure!(world.asked() == 1, "{} times", world.asked());
    ensure!(world.stored(&home).await? == home, "something was written");
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_taken_is_left_to_the_next_sync() -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite, PATIENCE).await? else { return Ok(()) };
    let (home, number) = world.home().await?;
    let unconfirmed = json!([{ "id": "housing", "records": 1 }]);
    // A status that the standard does not have.
    let set = |status: &str| json!({ "status": { "code": status, "naam": "?" } });
    let change = json!({ "kind": "home", "id": home.external_id, "set": set("XXX") });
    let url = format!("{}/sandbox/changes", world.hub.sandbox.base_url());
    ensure!(connectors::api::client()?.post(url).json(&change).send().await?.status().is_success());
    world.pass(AFTER + 1);
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(answer["extensions"]["freshness"]["unconfirmed"] == unconfirmed, "{answer}");
    ensure!(world.stored(&home).await? == home);
    // Gone without a word.
    world.pass(60);
    world.hub.sandbox.edit(|sample| sample.homes.purge(number));
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(answer["extensions"]["freshness"]["unconfirmed"] == unconfirmed, "{answer}");
    ensure!(world.stored(&home).await?.deleted_at.is_none(), "one that is missing was deleted");
    let report = world.engine.run(&world.source, &RunOptions { full: true, ..RunOptions::default() }).await?;
    ensure!(report.tally.deleted == 1, "{report:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_kept_answer_is_given_until_what_it_shows_is_to_be_confirmed(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::open(backend, PATIENCE).await? else { return Ok(()) };
    let graph = world.graph.clone().caching(&CacheSettings::default(), None);
    let world = World { graph, ..world };
    let (home, number) = world.home().await?;
    // Until the cache's own connection is there.
    while world.graph.figures().context("a cache")?.looks == 0 {
        world.ask("{ partners(first: 1) { totalCount } }", json!({})).await?;
    }
    let kept = async || -> Result<u64> {
        let before = world.graph.figures().context("a cache")?.hits;
        for _ in 0..5 {
            world.ask(HOME, id(&home)).await?;
        }
        Ok(world.graph.figures().context("a cache")?.hits - before)
    };
    ensure!(kept().await? > 0 && world.asked() == 0, "young answers are kept, and nobody is asked");
    world.hub.sandbox.edit(|sample| sample.homes.change(number, |home| home.homes = 77));
    world.pass(AFTER + 1);
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(homes(&answer) == &json!(77) && world.asked() == 1, "{answer}");
    ensure!(kept().await? > 0 && world.asked() == 1, "what was confirmed is kept again");
    // What could not be confirmed is given to nobody else.
    world.hub.sandbox.fail(Fault::Status { code: 503, retry_after: None }.always().at(System::Housing));
    world.pass(AFTER + 1);
    for _ in 0..3 {
        let answer = world.ask(HOME, id(&home)).await?;
        ensure!(answer["extensions"]["freshness"]["complete"] == false, "{answer}");
    }
    world.hub.sandbox.clear_faults();
    world.pass(11);
    let answer = world.ask(HOME, id(&home)).await?;
    ensure!(answer["extensions"]["freshness"]["complete"] == true, "{answer}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn checks_and_syncs_at_once_end_as_the_source_is(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::open(backend, PATIENCE).await? else { return Ok(()) };
    for round in 1..=4_u8 {
        world.hub.sandbox.edit(|sample| {
            sample.homes.change_all(|home| {
                if home.status == "GEP" {
                    home.homes = round;
                }
            });
        });
        world.pass(AFTER + 1);
        let full = RunOptions { full: true, ..RunOptions::default() };
        let (report, answers) =
            tokio::join!(world.engine.run(&world.source, &full), join_all((0..6).map(|_| world.ask(HOMES, json!({})))));
        report?;
        for answer in answers {
            answer?;
        }
        let report = world.engine.run(&world.source, &full).await?;
        ensure!((report.tally.created, report.tally.deleted) == (0, 0), "{round}: {report:?}");
        let wrong = housing_option::Entity::find()
            .filter(housing_option::Column::Status.eq(HousingStatus::Available))
            .filter(housing_option::Column::Homes.ne(i32::from(round)));
        ensure!(wrong.count(&world.hub.store.db).await? == 0, "{round}");
    }
    // Every change once: as many of each home as it has versions.
    let homes = housing_option::Entity::find().all(&world.hub.store.db).await?;
    let changes = change::Entity::find().filter(change::Column::RecordType.eq(RecordType::HousingOption));
    let versions: i64 = homes.iter().map(|home| i64::from(home.version)).sum();
    ensure!(i64::try_from(changes.count(&world.hub.store.db).await?)? == versions);
    Ok(())
}
