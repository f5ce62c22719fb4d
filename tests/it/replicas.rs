//! Two replicas and two workers as processes of their own, on one PostgreSQL and one Redis: what holds for one holds for
//! all.

use std::collections::BTreeMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use connectors::sync::RunOptions;
use entity::{Clock, change, school, school_board, source};
use futures::future::{join_all, try_join_all};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tests::gateway::client;
use tests::hub::TestHub;
use tests::issuer::{AUDIENCE, Key, TestIssuer, claims, header, with};
use tests::process::Process;
use tests::redis;
use tests::socket::Socket;
use tests::store::Backend;

/// How long it may take until all replicas know, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after a balancer forgot a replica it is told to stop: what was on its way is there by then.
const PRE_STOP: Duration = Duration::from_secs(2);

/// What replicas share.
struct Shared {
    hub: TestHub,
    board: school_board::Model,
    /// A school of that board.
    brin: String,
    issuer: TestIssuer,
    key: Key,
    settings: String,
}

impl Shared {
    /// `None` where this machine has no PostgreSQL or no Redis.
    async fn set() -> Result<Option<Self>> {
        let Some(redis) = redis() else { return Ok(None) };
        let Some(hub) = TestHub::start(Backend::Postgres).await? else { return Ok(None) };
        hub.sync(&RunOptions::default()).await?;
        let schools = school::Entity::find().filter(school::Column::SchoolBoardId.is_not_null());
        let school = schools.order_by_asc(school::Column::Brin).one(&hub.store.db).await?.context("a school")?;
        let board = school_board::Entity::find_by_id(school.school_board_id.context("its board")?);
        let board = board.one(&hub.store.db).await?.context("a board")?;
        let key = Key::ec();
        let issuer = TestIssuer::start(vec![key.public("k")]).await?;
        let settings = format!(
            "[database]\nurl = \"{}\"\n[redis]\nurl = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n[auth]\nissuer = \"{}\"\n\
             audience = \"{AUDIENCE}\"\n",
            hub.store.url,
            redis.url.context("its address")?.reveal(),
            issuer.url
        );
        Ok(Some(Self { hub, board, brin: school.brin, issuer, key, settings }))
    }

    /// A replica, and where it serves.
    async fn replica(&self, more: &str) -> Result<(Process, String)> {
        let process = Process::start(&["serve"], &format!("{}{more}", self.settings))?;
        let address = process.address().await?;
        Ok((process, address))
    }

    /// A token for the school's board.
    fn token(&self) -> String {
        let claims =
            with(&claims(&self.issuer, &Clock::system()), "hub_org", json!(format!("board:{}", self.board.number)));
        self.key.sign(&header("ES256", "k"), &with(&claims, "scope", json!("alliance:read needs:write")))
    }

    /// Asks for a need at a replica.
    async fn create(&self, address: &str, title: &str, key: Option<&str>) -> Result<Value> {
        let query =
            "mutation ($input: CreateNeedInput!) { createNeed(input: $input) { need { id } userErrors { message } } }";
        let input = json!({ "school": self.brin, "title": title, "themes": ["STRATEGIC_HR"] });
        let mut request = client().post(format!("{address}/graphql")).bearer_auth(self.token());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer: Value = request.json(&body).send().await?.json().await?;
        ensure!(answer["data"]["createNeed"]["userErrors"] == json!([]), "{answer}");
        Ok(answer["data"]["createNeed"]["need"]["id"].clone())
    }

    /// The titles of the school's needs, as anybody is told them.
    async fn titles(&self, address: &str) -> Result<Vec<String>> {
        let query = "query ($brin: String!) { school(brin: $brin) { needs(first: 100) { nodes { title } } } }";
        let answer = ask(address, query, json!({ "brin": self.brin })).await?;
        let nodes = answer["data"]["school"]["needs"]["nodes"].as_array().with_context(|| answer.to_string())?.clone();
        Ok(nodes.iter().filter_map(|node| node["title"].as_str().map(str::to_owned)).collect())
    }
}

async fn ask(address: &str, query: &str, variables: Value) -> Result<Value> {
    let body = json!({ "query": query, "variables": variables });
    Ok(client().post(format!("{address}/graphql")).json(&body).send().await?.json().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_at_one_replica_is_known_at_the_other() -> Result<()> {
    let Some(shared) = Shared::set().await? else { return Ok(()) };
    let (_one, first) = shared.replica("").await?;
    let (_two, second) = shared.replica("").await?;

    let mut socket = Socket::acknowledged(first.trim_start_matches("http://").parse()?).await?;
    let changes = "subscription { changes(types: [NEED]) { record { ... on Need { title } } } }";
    socket.subscribe("changes", changes, json!({})).await?;

    for number in 0..8 {
        let (writer, reader) = if number % 2 == 0 { (&first, &second) } else { (&second, &first) };
        let title = format!("Hulpvraag {number}");
        // Kept at both, each in its own process and in Redis.
        for address in [writer, reader, writer, reader] {
            ensure!(!shared.titles(address).await?.contains(&title));
        }
        shared.create(writer, &title, None).await?;
        ensure!(shared.titles(writer).await?.contains(&title), "the writer's own next read");
        let known = async {
            while !shared.titles(reader).await?.contains(&title) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::time::timeout(PATIENCE, known).await.context("the other replica never knew")??;
        let told = socket.next("changes").await?;
        assert_eq!(told["data"]["changes"]["record"]["title"], json!(title), "{told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_and_an_allowance_hold_at_both_replicas() -> Result<()> {
    let Some(shared) = Shared::set().await? else { return Ok(()) };
    let (one, first) = shared.replica("").await?;
    let (two, second) = shared.replica("").await?;
    let addresses = [&first, &second];
    let before = change::Entity::find().count(&shared.hub.store.db).await?;
    let calls = (0..20).map(|number| shared.create(addresses[number % 2], "Een keer", Some("\"twintig keer\"")));
    let answers = try_join_all(calls).await?;
    assert!(answers.iter().all(|id| id == &answers[0] && id.is_string()), "{answers:?}");
    assert_eq!(change::Entity::find().count(&shared.hub.store.db).await? - before, 1);
    for process in [one, two] {
        let (status, log) = process.stop().await?;
        ensure!(status.success(), "{}", log.join("\n"));
    }

    let (_one, first) = shared.replica("[limits]\nrate_per_minute = 6\n").await?;
    let (_two, second) = shared.replica("[limits]\nrate_per_minute = 6\n").await?;
    let token = shared.token();
    let mut granted = 0;
    for number in 0..16 {
        let address = [&first, &second][number % 2];
        let request = client().post(format!("{address}/graphql")).bearer_auth(&token);
        let answer = request.json(&json!({ "query": "{ themes { theme } }" })).send().await?;
        match answer.status().as_u16() {
            200 => granted += 1,
            429 => ensure!(answer.headers().contains_key("retry-after")),
            other => bail!("{other}: {}", answer.text().await?),
        }
    }
    // Six at once; on a slow machine, one comes back every ten seconds.
    ensure!((6..12).contains(&granted), "{granted} of 16 were granted by both together");
    Ok(())
}

/// Clients that spread their requests over the replicas that a balancer knows, as long as they are asked to.
async fn load(shared: &Shared, known: &RwLock<Vec<String>>, goes_on: &AtomicBool, place: usize) -> Result<usize> {
    let client = client();
    let mut answered = 0;
    while goes_on.load(Ordering::Relaxed) {
        let address = {
            let known = known.read().expect("nobody panics with it");
            known[(place + answered) % known.len()].clone()
        };
        // A title of its own each time, so that it is not answered from what is kept.
        let query =
            format!("query ($brin: String!) {{ school(brin: $brin) {{ t{answered}: name needs {{ totalCount }} }} }}");
        let body = json!({ "query": query, "variables": { "brin": shared.brin } });
        let answer = client.post(format!("{address}/graphql")).json(&body).send().await?;
        let status = answer.status();
        let answer: Value = answer.json().await?;
        ensure!(
            status.is_success() && answer["data"]["school"][format!("t{answered}")].is_string(),
            "{status}: {answer}"
        );
        answered += 1;
    }
    Ok(answered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_replaced_one_by_one_under_load_and_no_request_is_lost() -> Result<()> {
    let Some(shared) = Shared::set().await? else { return Ok(()) };
    let mut old = vec![shared.replica("").await?, shared.replica("").await?];
    let known = RwLock::new(old.iter().map(|(_, address)| address.clone()).collect::<Vec<_>>());
    let goes_on = AtomicBool::new(true);
    let replace = async {
        for _ in 0..2 {
            let (fresh, address) = shared.replica("").await?;
            let (gone, left) = old.remove(0);
            {
                let mut known = known.write().expect("nobody panics with it");
                known.retain(|known| *known != left);
                known.push(address.clone());
            }
            old.push((fresh, address));
            // As `preStop` has it in `k8s/base`: a balancer sends nothing more when the process is told to stop.
            tokio::time::sleep(PRE_STOP).await;
            let (status, log) = gone.stop().await?;
            ensure!(status.success(), "{}", log.join("\n"));
        }
        Ok::<_, anyhow::Error>(())
    };
    let (replaced, answered) = tokio::join!(
        async {
            let replaced = replace.await;
            goes_on.store(false, Ordering::Relaxed);
            replaced
        },
        join_all((0..6).map(|place| load(&shared, &known, &goes_on, place)))
    );
    replaced?;
    let answered: Vec<usize> = answered.into_iter().collect::<Result<_>>()?;
    ensure!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_taken_over_and_nothing_is_doubled() -> Result<()> {
    let Some(whole) = TestHub::start(Backend::Postgres).await? else { return Ok(()) };
    whole.sync(&RunOptions::default()).await?;
    let Some(hub) = TestHub::start(Backend::Postgres).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let sources = std::fs::read_to_string(hub.configuration(folder.path(), None)?)?;
    let settings = format!("{sources}[sync]\nlease_secs = 5\n");
    let ran = async || -> Result<bool> {
        let sources = source::Entity::find().all(&hub.store.db).await?;
        Ok(sources.iter().filter(|source| source.connector != "hub").all(|source| source.last_succeeded_at.is_some()))
    };
    let mut killed = 0;
    for millis in [700, 900, 1100] {
        let worker = Process::start(&["worker"], &settings)?;
        worker.logged("message").await?;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        killed += usize::from(!ran().await?);
        worker.signal("KILL").await?;
    }
    let (_one, _two) = (Process::start(&["worker"], &settings)?, Process::start(&["worker"], &settings)?);
    let done = async {
        while !ran().await? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(3 * PATIENCE, done).await.with_context(|| format!("after {killed} were killed"))??;
    // Two workers read the sources side by side: what refers to what another had not told yet was set aside till now.
    hub.sync(&RunOptions::default()).await?;
    assert_eq!(records(&hub).await?, records(&whole).await?);
    let mut created = std::collections::HashSet::new();
    for change in change::Entity::find().all(&hub.store.db).await? {
        if change.action == entity::vocabulary::ChangeAction::Created {
            assert!(created.insert(change.record_id), "a record was created twice in the feed");
        }
    }
    Ok(())
}

/// What is stored, but for how often each record was written: that depends on which source was read first.
async fn records(hub: &TestHub) -> Result<BTreeMap<String, Vec<String>>> {
    let without_version = |line: String| line.rsplit_once('|').map_or(line.clone(), |(line, _)| line.to_owned());
    let tables = hub.contents().await?.into_iter();
    Ok(tables.map(|(table, lines)| (table, lines.into_iter().map(without_version).collect())).collect())
}
