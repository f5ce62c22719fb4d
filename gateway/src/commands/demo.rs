//! `hub demo`: everything in one process, nothing to install. Simulated partner systems on loopback, an embedded store,
//! all syncs run over HTTP with OAuth, then the gateway serves.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Authenticator;
use crate::config::{AuthSettings, DatabaseSettings, Settings, SignInSettings, WebhookSettings};
use crate::console::Console;
use crate::federation::Federation;
use crate::feed::Feed;
use crate::graphql::Syncs;
use crate::http::graphql::Intake;
use crate::http::{self, Readiness, SCHOOL_CARD, Site, Streams};
use crate::telemetry::{Measured, Metrics};
use anyhow::{Context, bail};
use clap::Args;
use connectors::sandbox::{Sandbox, SandboxSettings, System};
use connectors::settings::{OAuthSettings, Secret, SourceSettings, SubgraphSettings};
use connectors::sync::{self, Observer, RunOptions};
use connectors::vault::Vault;
use entity::Clock;
use entity::vocabulary::SyncStatus;
use serde_json::json;
use tokio::net::TcpListener;

use super::output::Output;
use super::progress::Bars;
use super::sandbox::Records;
use super::sync::line;
use super::{graph, sources, store};

/// Shows who a token speaks for, and what it shows them: a board's drafts, a partner's paused offers.
const WHO_ASKS: &str = "{ viewer { organisation organisationKind scopes } \
                        needs(filter: {statuses: [DRAFT]}) { totalCount } \
                        offers(filter: {statuses: [PAUSED, EXHAUSTED, ENDED]}) { totalCount } \
                        sources { id runs(first: 1) { totalCount } } }";

/// Shows what is stored beside what a partner tells live.
const LIVE: &str = "query ($brin: String!) { school(brin: $brin) { name summary { openNeeds } \
                    workshops { title minutes price { amount currency } } } }";

/// What `hub demo` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How much there is in the simulated systems
    #[arg(long, value_enum, default_value_t = Records::Small)]
    records: Records,
    /// Keep the store in this folder [default: it goes when the demo ends]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The gateway's port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

pub(super) async fn run(arguments: &Arguments, output: &mut Output) -> anyhow::Result<ExitCode> {
    let shutdown = http::stop_on_signal().context("signals cannot be heard")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another --port, or stop what listens there"))?;
    let address = listener.local_addr()?;
    let sandbox = Sandbox::start(SandboxSettings { size: arguments.records.into(), ..SandboxSettings::default() })
        .await
        .context("the simulated partner systems cannot be started")?;
    output.line(format!("Simulated partner systems (everything in them is invented): {}", sandbox.base_url()));

    // Kept until the end: the folder goes with it.
    let scratch;
    let folder = match &arguments.data_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            folder.as_path()
        }
        None => {
            scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
            scratch.path()
        }
    };
    let settings = settings(folder, &sandbox)?;
    let metrics = Metrics::new(&Clock::system(), settings.telemetry.operations);
    let db = store::open_watched(&settings.database, &metrics).await?;
    let bars = Bars::on_terminal().map(Arc::new);
    let feed = Feed::new(db.clone(), settings.subscriptions.poll());
    let observers = bars.iter().map(|bars| Arc::clone(bars) as Arc<dyn Observer>);
    let ours: [Arc<dyn Observer>; 2] = [Arc::new(feed.clone()), Arc::new(metrics.clone())];
    let observers = observers.chain(ours).collect();
    let engine = sources::engine(&db, &settings, observers).await?;
    let options = RunOptions { cancel: shutdown.clone(), ..RunOptions::default() };
    let mut failed = false;
    sources::run(&engine, settings.sources.iter().collect(), &options, &settings.sync, |source, outcome| {
        if let Some(bars) = &bars {
            bars.end(&source.id);
        }
        match outcome {
            Ok(report) => {
                failed |= report.status != SyncStatus::Succeeded;
                output.line(format!("  {}", line(&report, false)));
            }
            Err(error) => {
                failed = true;
                output.line(format!("  {}: FAILED; {error}", source.id));
            }
        }
    })
    .await;
    if shutdown.is_cancelled() {
        return Ok(ExitCode::SUCCESS);
    }
    if failed {
        bail!("not every simulated system could be read: see above");
    }

    tell(address, &sandbox, output)?;
    let syncs = Arc::new(Syncs::new(Arc::clone(&engine), settings.sources.clone(), shutdown.clone()));
    let worker = tokio::spawn(sync::work(engine, settings.sources.clone(), shutdown.clone()));
    let observers = vec![Arc::new(feed.clone()) as Arc<dyn Observer>];
    let hooks = graph::hooks(&settings)?;
    let writes = sources::writes(&settings, observers, Some(Arc::clone(&syncs)), hooks.clone());
    let (graph, queries) = graph::open(&settings, &feed, &metrics).await?;
    let graph = graph.writing(writes);
    let courier = graph::courier(&db, &graph, hooks.as_ref())?;
    let courier = courier.map(|courier| tokio::spawn(courier.counted(&metrics).work(feed.clone(), shutdown.clone())));
    let authenticator = Arc::new(Authenticator::new(&settings.auth, Clock::system())?);
    let keys = authenticator.keep_fresh(shutdown.clone());
    let site = Site {
        readiness: Readiness::of(&db),
        authenticator,
        public_url: settings.http.public_url.clone(),
        body_bytes: settings.limits.body_bytes,
        request_timeout: settings.http.request_timeout(),
        explorer: settings.http.explorer,
        metrics: metrics.clone(),
    };
    let streams = Streams::new(&settings.subscriptions, settings.limits.body_bytes, shutdown.clone()).counted(&metrics);
    let (federation, joining) = Federation::of(graph.clone(), &settings.federation, &metrics)
        .joined(&settings.subgraphs, shutdown.clone())
        .await?;
    let measured = Measured::new(federation, &metrics, settings.telemetry.slow());
    let console = Console::new(measured.clone(), &settings, &site.authenticator)?;
    let admit = http::graphql::by_token(Arc::clone(&site.authenticator));
    let admit = http::graphql::or_by_session(admit, console.as_ref());
    let graphql = http::graphql::routes(measured, &streams, admit, Intake::of(&settings));
    let router = http::router(site, graphql, console);
    let router = router.merge(http::figures(&metrics));
    http::serve(listener, router, &streams, settings.http.shutdown_grace()).await?;
    if let Some(courier) = courier {
        courier.await?;
    }
    graph.close().await;
    syncs.finish().await;
    worker.await?;
    if let Some(joining) = joining {
        joining.await?;
    }
    sandbox.stop().await;
    keys.await?;
    drop(feed);
    queries.close().await?;
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn tell(address: SocketAddr, sandbox: &Sandbox, output: &mut Output) -> anyhow::Result<()> {
    let brin = &sandbox.sample_brin();
    let body = json!({ "query": SCHOOL_CARD, "variables": { "brin": brin } });
    output.line("");
    output.line(format!("The hub serves http://{address}"));
    output.line(format!("  console    http://{address}/schools/{}", sandbox.sample_brin()));
    output.line("             (signing in there shows a menu of sample people)");
    output.line(format!("  explorer   http://{address}/explorer"));
    output.line(format!("  GraphQL    http://{address}/graphql"));
    output.line("");
    output.line(format!(
        "A school's needs, the partners committed to it and its teacher-housing options, for BRIN {brin}:"
    ));
    output.line("");
    output.line(SCHOOL_CARD.trim_end());
    output.line("");
    output.line("With curl:");
    output.line("");
    output.line(format!("curl -s http://{address}/graphql -H 'content-type: application/json' -d '{body}'"));
    output.line("");
    output.line("And one query over what is stored and what a partner tells live:");
    output.line("");
    output.line(format!(
        "curl -s http://{address}/graphql -H 'content-type: application/json' -d '{}'",
        json!({ "query": LIVE, "variables": { "brin": brin } })
    ));
    output.line("");
    tell_tokens(address, sandbox, output)?;
    output.line("What is public needs no token. Ctrl-C ends the demo.");
    Ok(())
}

/// A token for each sample organisation: the sandbox's issuer gives them, the hub only checks them.
fn tell_tokens(address: SocketAddr, sandbox: &Sandbox, output: &mut Output) -> anyhow::Result<()> {
    let body = json!({ "query": WHO_ASKS });
    output.line(format!("Tokens of sample organisations, good for 12 hours, from {}:", sandbox.issuer_url()));
    for (client, organisation) in sandbox.hub_clients() {
        output.line("");
        let organisation = organisation.unwrap_or("no organisation");
        output.line(format!("  {} ({organisation}; scopes {})", client.name, client.scopes));
        output.line(sandbox.hub_token(client).context("the sandbox cannot sign a token")?);
    }
    output.line("");
    output.line("With curl, one of them in TOKEN:");
    output.line("");
    output.line(format!(
        "curl -s http://{address}/graphql -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' -d \
         '{body}'"
    ));
    output.line("");
    Ok(())
}

fn settings(folder: &std::path::Path, sandbox: &Sandbox) -> anyhow::Result<Settings> {
    let file = folder.join("hub.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    Ok(Settings {
        database: DatabaseSettings::at(url.as_str(), None),
        auth: AuthSettings {
            issuer: vec![sandbox.issuer_url().parse()?],
            audience: Some(sandbox.hub_audience().to_owned()),
            ..AuthSettings::default()
        },
        sign_in: SignInSettings {
            client_id: Some(sandbox.console_client().id.to_owned()),
            client_secret: Some(Secret::Resolved(sandbox.console_client().secret.to_owned())),
            ..SignInSettings::default()
        },
        webhooks: webhooks(folder)?,
        sources: sources_of(sandbox)?,
        subgraphs: vec![workshops(sandbox)?],
        ..Settings::default()
    })
}

/// Webhooks to this machine, by a key that lies beside the store.
fn webhooks(folder: &std::path::Path) -> anyhow::Result<WebhookSettings> {
    let file = folder.join("webhooks.key");
    let key = match std::fs::read_to_string(&file) {
        Ok(key) => key,
        Err(_) => {
            let key = Vault::draw_key().context("no key can be drawn")?;
            std::fs::write(&file, &key).with_context(|| format!("cannot write {}", file.display()))?;
            key
        }
    };
    Ok(WebhookSettings {
        encryption_key: Some(Secret::Resolved(key.trim().to_owned())),
        allow_http: true,
        private_networks: vec!["127.0.0.0/8".parse().map_err(|error| anyhow::anyhow!("{error}"))?],
        ..WebhookSettings::default()
    })
}

fn sources_of(sandbox: &Sandbox) -> anyhow::Result<Vec<SourceSettings>> {
    let duo = sandbox.system_url(System::Duo);
    let mut register = source(sandbox, System::Duo, "duo", "DUO open education data", "school_register")?;
    register.base_url = None;
    register.locations = Some(format!("{duo}/alle-vestigingen-basisonderwijs.csv"));
    register.boards = Some(format!("{duo}/bevoegde-gezagen-basisonderwijs.csv"));
    register.priority = 10;
    Ok(vec![
        register,
        source(sandbox, System::Boards, "school-boards", "School boards' administration", "school_board")?,
        source(sandbox, System::Housing, "housing", "Municipal housing allocation", "municipal")?,
        source(sandbox, System::Partners, "partners", "Partner platform", "partner")?,
    ])
}

fn source(sandbox: &Sandbox, system: System, id: &str, name: &str, connector: &str) -> anyhow::Result<SourceSettings> {
    let described = json!({
        "id": id,
        "name": format!("{name} (simulated)"),
        "connector": connector,
        "base_url": sandbox.system_url(system),
    });
    let settings: SourceSettings = serde_json::from_value(described)?;
    Ok(SourceSettings { every: Duration::from_secs(60), oauth: Some(oauth(sandbox, system)?), ..settings })
}

/// A partner's live graph, joined with the hub's.
fn workshops(sandbox: &Sandbox) -> anyhow::Result<SubgraphSettings> {
    let url = format!("{}/graphql", sandbox.system_url(System::Workshops));
    let settings: SubgraphSettings = serde_json::from_value(json!({ "name": "workshops", "url": url }))?;
    Ok(SubgraphSettings { oauth: Some(oauth(sandbox, System::Workshops)?.into()), ..settings })
}

fn oauth(sandbox: &Sandbox, system: System) -> anyhow::Result<OAuthSettings> {
    let client = sandbox.client(system);
    let secret = Secret::Resolved(client.secret.to_owned());
    Ok(OAuthSettings {
        scopes: vec![client.scope.to_owned()],
        ..OAuthSettings::client_credentials(sandbox.token_url().parse()?, client.id, secret)
    })
}
