//! Answers that are kept: given again for as long as they are true, and never after. What was written is seen by whoever
//! asks after the writer was answered, on whatever replica.

mod shelf;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use async_graphql::{Request, Variables};
use connectors::sync::RunOptions;
use entity::{Clock, change};
use futures::future::{join_all, try_join_all};
use gateway::cache::Figures;
use gateway::config::{CacheSettings, DatabaseSettings, LimitSettings};
use gateway::feed::Feed;
use gateway::graphql::{Answered, Answering, Caller, Graph};
use gateway::shared::Shared;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client};
use tests::redis;
use tests::store::Backend;

use super::{Stage, mutate};

const CARD: &str = "query ($brin: String!) { school(brin: $brin) { name
    needs(first: 100) { totalCount nodes { id title status version commitments { nodes { status } } } }
    commitments(first: 100) { nodes { id status partner { name } } } } }";
const OFFERS: &str = "{ offers(first: 100) { totalCount nodes { title status } } }";
const HOMES: &str =
    "query ($brin: String!) { school(brin: $brin) { housingOptions(first: 5) { totalCount nodes { title } } } }";
const BOARDS: &str = "{ schoolBoards(first: 100) { nodes { name schools { totalCount } } } }";

/// A replica: connections of its own, and what it keeps.
async fn replica(stage: &Stage, shared: Option<Shared>) -> Result<Graph> {
    let settings = DatabaseSettings::at(stage.hub.store.url.as_str(), Some(4));
    let db = gateway::database::connect(&settings).await?;
    let feed = Feed::new(db.clone(), std::time::Duration::from_secs(1));
    let graph = Graph::new(db, Clock::system(), feed, &LimitSettings::default());
    let graph = graph.caching(&CacheSettings::default(), shared);
    // Until its own connection is there, which may take longer than anybody waits on a busy machine.
    while figures(&graph).looks == 0 {
        answer(&graph, &Caller::default(), "{ partners(first: 1) { totalCount } }", json!({})).await?;
    }
    Ok(graph)
}

async fn answer(graph: &Graph, caller: &Caller, query: &str, variables: Value) -> Result<Value> {
    let request = Request::new(query).variables(Variables::from_json(variables)).data(caller.clone());
    Ok(match graph.answer(request).await {
        Answered::Response(response) => serde_json::to_value(response)?,
        Answered::Kept(kept, _) => serde_json::from_slice(&kept.body)?,
    })
}

fn figures(graph: &Graph) -> Figures {
    graph.figures().expect("it keeps answers")
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_change_drops_what_it_touches_and_nothing_else(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let graph = replica(&stage, None).await?;
    let nobody = Caller::default();
    let (here, there) = (json!({ "brin": stage.school.brin }), json!({ "brin": stage.elsewhere.brin }));
    let reads = [(CARD, here.clone()), (CARD, there), (OFFERS, json!({})), (HOMES, here), (BOARDS, json!({}))];
    let dropped = async || -> Result<Vec<usize>> {
        let mut dropped = Vec::new();
        for (number, (query, variables)) in reads.iter().enumerate() {
            let before = figures(&graph).hits;
            let given = answer(&graph, &nobody, query, variables.clone()).await?;
            assert!(given.get("errors").is_none(), "{given}");
            if figures(&graph).hits == before {
                dropped.push(number);
            }
            // Whether it was kept or not: what it says is what stands in the store.
            let truth = stage.ask(&nobody, query, variables.clone()).await;
            assert_eq!(given["data"], truth["data"], "{query}");
        }
        Ok(dropped)
    };
    assert_eq!(dropped().await?, [0, 1, 2, 3, 4]);
    assert_eq!(dropped().await?, [0_usize; 0]);

    let input = json!({ "school": stage.school.brin, "title": "Nieuw", "themes": ["STRATEGIC_HR"] });
    let made = mutate(&graph, &stage.board(), "createNeed", input).await?;
    assert_eq!(dropped().await?, [0], "a need of the school");
    let offer = json!({ "externalId": "een", "title": "Aanbod", "themes": ["STRATEGIC_HR"] });
    mutate(&graph, &stage.partner(), "upsertOffers", json!({ "offers": [offer.clone()] })).await?;
    assert_eq!(dropped().await?, [2], "an offer");
    mutate(&graph, &stage.partner(), "upsertOffers", json!({ "offers": [offer] })).await?;
    assert_eq!(dropped().await?, [0_usize; 0], "an offer as it was");
    let proposal = json!({ "school": stage.school.brin, "need": made["need"]["id"], "title": "Toezegging" });
    let made = mutate(&graph, &stage.partner(), "proposeCommitment", proposal).await?;
    assert_eq!(dropped().await?, [0], "a commitment to the school");
    let step = json!({ "id": made["commitment"]["id"], "status": "ACCEPTED" });
    mutate(&graph, &stage.board(), "setCommitmentStatus", step).await?;
    assert_eq!(dropped().await?, [0], "the commitment accepted");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn each_sees_what_is_theirs_and_contacts_are_never_kept(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let graph = replica(&stage, None).await?;
    let contact = json!({ "name": "Iemand", "email": "iemand@example.nl" });
    let draft =
        json!({ "school": stage.school.brin, "title": "Kladje", "themes": ["STRATEGIC_HR"], "status": "DRAFT" });
    mutate(&graph, &stage.board(), "createNeed", draft).await?;
    let open = json!({ "school": stage.school.brin, "title": "Open", "themes": ["STRATEGIC_HR"], "contact": contact });
    mutate(&graph, &stage.board(), "createNeed", open).await?;
    let query = "query ($brin: String!) { school(brin: $brin) { needs(first: 100) { nodes { title } } } }";
    let brin = json!({ "brin": stage.school.brin });
    let before = figures(&graph).hits;
    for _ in 0..2 {
        for (caller, sees) in [(Caller::default(), false), (stage.board(), true), (stage.partner(), false)] {
            let given = answer(&graph, &caller, query, brin.clone()).await?;
            assert_eq!(given.to_string().contains("Kladje"), sees, "{given}");
        }
    }
    assert_eq!(figures(&graph).hits - before, 3);
    let query = "query ($brin: String!) { school(brin: $brin) { needs(first: 100) { nodes { contact { name } } } } }";
    for _ in 0..2 {
        let given = answer(&graph, &stage.board(), query, brin.clone()).await?;
        assert!(given.to_string().contains("Iemand"), "{given}");
    }
    assert_eq!(figures(&graph).hits - before, 3, "each reading of contacts is told to the audit trail");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_the_same_one_computes() -> Result<()> {
    let Some(stage) = Stage::set(Backend::Postgres).await? else { return Ok(()) };
    let graph = replica(&stage, None).await?;
    let brin = json!({ "brin": stage.school.brin });
    let (nobody, before) = (Caller::default(), figures(&graph));
    answer(&graph, &nobody, CARD, json!({ "brin": stage.elsewhere.brin })).await?;
    let all = try_join_all((0..50).map(|_| answer(&graph, &nobody, CARD, brin.clone()))).await?;
    assert!(all.iter().all(|one| one == &all[0]));
    let Figures { misses, hits, waited, .. } = figures(&graph);
    assert_eq!((misses - before.misses, hits - before.hits + waited - before.waited), (2, 49));
    Ok(())
}

/// Readers on two replicas while a writer works through either: whoever asks once the writer was answered sees it.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_written_is_seen_by_all_who_ask_afterwards(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let replicas = [replica(&stage, None).await?, replica(&stage, None).await?];
    let need = stage.need(json!({})).await?;
    let id = need["id"].clone();
    let answered = Arc::new(AtomicI64::new(1));
    let query = "query ($id: ID!) { node(id: $id) { ... on Need { version } } }";
    let done = tokio_util::sync::CancellationToken::new();
    let readers: Vec<_> = (0..8)
        .map(|number: usize| {
            let (graph, id, answered, done) =
                (replicas[number % 2].clone(), id.clone(), Arc::clone(&answered), done.clone());
            tokio::spawn(async move {
                let mut reads = 0;
                while !done.is_cancelled() {
                    let least = answered.load(Ordering::SeqCst);
                    let given = answer(&graph, &Caller::default(), query, json!({ "id": id })).await?;
                    let version = given["data"]["node"]["version"].as_i64().context("a version")?;
                    anyhow::ensure!(version >= least, "version {version} after {least} was answered");
                    reads += 1;
                    tokio::task::yield_now().await;
                }
                Ok(reads)
            })
        })
        .collect();
    for number in 0..40 {
        let input = json!({ "id": id, "title": format!("Titel {number}") });
        let made = mutate(&replicas[number % 2], &stage.board(), "updateNeed", input).await?;
        answered.store(made["need"]["version"].as_i64().context("a version")?, Ordering::SeqCst);
    }
    done.cancel();
    let reads: Vec<usize> = join_all(readers).await.into_iter().map(|read| read?).collect::<Result<_>>()?;
    assert!(reads.iter().sum::<usize>() > 400, "{reads:?}");
    assert!(replicas.iter().all(|graph| figures(graph).hits > 0));
    Ok(())
}

/// Steps of the model below.
#[expect(clippy::disallowed_methods, reason = "who runs the tests may ask for more")]
fn steps() -> usize {
    std::env::var("HUB_CACHE_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(150)
}

/// A model: whatever is read, by whomever, on whatever replica, says what an answer says that nobody kept.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_reads_and_writes_on_two_replicas_agree_with_the_store(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let steps = steps();
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let shared =
        || -> Result<Option<Shared>> { Ok(redis().map(|settings| Shared::open(&settings)).transpose()?.flatten()) };
    let mut replicas = [replica(&stage, shared()?).await?, replica(&stage, shared()?).await?];
    let callers = [Caller::default(), stage.board(), stage.partner()];
    let mut needs: Vec<Value> = Vec::new();
    let mut commitments: Vec<Value> = Vec::new();
    let brins = [stage.school.brin.clone(), stage.elsewhere.brin.clone()];
    for step in 0..steps {
        let replica_number = random.random_range(0..2);
        let said = format!("step {step} of seed {seed}");
        match random.random_range(0..20) {
            0 => {
                let input = json!({ "school": brins[0], "title": said, "themes": ["STRATEGIC_HR"] });
                let made = mutate(&replicas[replica_number], &callers[1], "createNeed", input).await?;
                needs.push(made["need"]["id"].clone());
            }
            1 if !needs.is_empty() => {
                let id = &needs[random.random_range(0..needs.len())];
                mutate(&replicas[replica_number], &callers[1], "updateNeed", json!({ "id": id, "title": said }))
                    .await?;
            }
            2 if !needs.is_empty() => {
                let id = &needs[random.random_range(0..needs.len())];
                let input = json!({ "school": brins[0], "need": id, "title": said });
                let made = mutate(&replicas[replica_number], &callers[2], "proposeCommitment", input).await?;
                commitments.extend(made["commitment"].get("id").cloned());
            }
            3 if !commitments.is_empty() => {
                let id = &commitments[random.random_range(0..commitments.len())];
                let status = ["ACCEPTED", "DECLINED", "ACTIVE"][random.random_range(0..3)];
                let input = json!({ "id": id, "status": status });
                mutate(&replicas[replica_number], &callers[1], "setCommitmentStatus", input).await?;
            }
            4 => {
                let offer = json!({ "externalId": format!("o{}", random.random_range(0..5)), "title": said,
                    "themes": ["STRATEGIC_HR"] });
                mutate(&replicas[replica_number], &callers[2], "upsertOffers", json!({ "offers": [offer] })).await?;
            }
            // A worker, which knows of no cache: what it wrote is seen once the bound is past.
            5 if step % 5 == 0 => {
                stage.hub.sandbox.edit(|sample| {
                    let home = sample.homes.live().nth(random.random_range(0..20)).map(|home| home.number);
                    home.is_some_and(|home| sample.homes.remove(home))
                });
                stage.hub.sync(&RunOptions::default()).await?;
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
            // A replica goes and another comes.
            6 if step % 5 == 0 => replicas[replica_number] = replica(&stage, shared()?).await?,
            _ => {
                let caller = &callers[random.random_range(0..3)];
                let (query, variables) = match random.random_range(0..5) {
                    0 => (OFFERS, json!({})),
                    1 => (HOMES, json!({ "brin": brins[random.random_range(0..2)] })),
                    2 => (BOARDS, json!({})),
                    _ => (CARD, json!({ "brin": brins[random.random_range(0..2)] })),
                };
                let given = answer(&replicas[replica_number], caller, query, variables.clone()).await?;
                let truth = stage.ask(caller, query, variables).await;
                assert_eq!(given["data"], truth["data"], "{said}: {query}");
            }
        }
    }
    assert!(replicas.iter().any(|graph| figures(graph).hits > 0), "{:?}", replicas.each_ref().map(figures));
    Ok(())
}

#[tokio::test]
async fn what_one_replica_computed_another_gives_and_tests_first() -> Result<()> {
    let (Some(redis), Some(stage)) = (redis(), Stage::set(Backend::Postgres).await?) else { return Ok(()) };
    let one = replica(&stage, Shared::open(&redis)?).await?;
    let other = replica(&stage, Shared::open(&redis)?).await?;
    let (nobody, brin) = (Caller::default(), json!({ "brin": stage.school.brin }));
    // A document must have been met before it is looked for.
    answer(&other, &nobody, CARD, json!({ "brin": stage.elsewhere.brin })).await?;
    let computed = answer(&one, &nobody, CARD, brin.clone()).await?;
    let before = figures(&other).shared_hits;
    // What is shared is put there after the answer was given.
    let mut is_shared = false;
    for _ in 0..100 {
        let fresh = replica(&stage, Shared::open(&redis)?).await?;
        answer(&fresh, &nobody, CARD, json!({ "brin": stage.elsewhere.brin })).await?;
        let hits = figures(&fresh).shared_hits;
        assert_eq!(answer(&fresh, &nobody, CARD, brin.clone()).await?, computed);
        is_shared = figures(&fresh).shared_hits > hits;
        if is_shared {
            break;
        }
    }
    assert!(is_shared, "what one replica computed is there for others");
    let input = json!({ "school": stage.school.brin, "title": "Nieuw", "themes": ["STRATEGIC_HR"] });
    mutate(&one, &stage.board(), "createNeed", input).await?;
    let given = answer(&other, &nobody, CARD, brin.clone()).await?;
    assert!(given.to_string().contains("Nieuw"), "{given}");
    assert_eq!(figures(&other).shared_hits, before, "what is true no more is on the shelf and stays there");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_client_that_has_the_answer_is_told_so(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let gateway = TestGateway::on_store(stage.db(), &Default::default()).await?;
    let body = json!({ "query": CARD, "variables": { "brin": stage.school.brin } });
    let ask = async |tag: Option<&str>| {
        let mut request = client().post(gateway.url("/graphql")).json(&body);
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        request.send().await
    };
    let mut first = ask(None).await?;
    while !first.headers().contains_key("etag") {
        first = ask(None).await?;
    }
    let tag = first.headers()["etag"].to_str()?.to_owned();
    assert_eq!(first.headers()["cache-control"], "public, no-cache");
    let text = first.text().await?;
    let again = ask(None).await?;
    assert_eq!((again.headers()["etag"].to_str()?, again.status().as_u16()), (tag.as_str(), 200));
    assert_eq!(again.text().await?, text);
    let known = ask(Some(&tag)).await?;
    assert_eq!(known.status(), 304);
    assert!(known.bytes().await?.is_empty());
    stage.need(json!({})).await?;
    let changed = ask(Some(&tag)).await?;
    assert_eq!(changed.status(), 200);
    assert_ne!(changed.headers()["etag"].to_str()?, tag);
    assert!(change::Entity::find().count(stage.db()).await? > 0);
    Ok(())
}
