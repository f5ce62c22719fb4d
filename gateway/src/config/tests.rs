//! Every way in which a configuration can be wrong stops the start with a line that says where and what to do.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use connectors::settings::Secret;
use connectors::{Connector, Error, ErrorKind, Manifest, Replication, StreamSpec};
use entity::vocabulary::{RecordType, SourceKind};
use tempfile::TempDir;

use super::*;

const DEFAULTS: &str = include_str!("../../config.default.toml");

static MANIFEST: Manifest = Manifest {
    id: "municipal",
    standard: "a standard",
    kind: SourceKind::Municipal,
    mapping_version: 1,
    streams: std::borrow::Cow::Borrowed(&[StreamSpec {
        name: "housing_options",
        replication: Replication::Full,
        records: &[RecordType::HousingOption],
        optional: false,
    }]),
};

/// A registry of one system, which wants an address. What it builds is never asked for.
static REGISTRY: &[Entry] = &[Entry { manifest: &MANIFEST, build: wants_an_address }];

fn wants_an_address(settings: &SourceSettings) -> Result<Arc<dyn Connector>, Error> {
    struct Nothing;
    #[async_trait::async_trait]
    impl Connector for Nothing {
        fn manifest(&self) -> &Manifest {
            &MANIFEST
        }
        async fn read(
            &self,
            _: &connectors::api::Api,
            _: connectors::ReadRequest<'_>,
        ) -> Result<connectors::Page, Error> {
            Ok(connectors::Page::default())
        }
        fn map(&self, _: &str, _: &serde_json::Value) -> Result<connectors::Mapped, connectors::Refused> {
            Ok(connectors::Mapped::Ignored("nothing"))
        }
    }
    if settings.base_url.is_none() {
        return Err(Error::new(ErrorKind::Configuration, "base_url is missing: add it"));
    }
    Ok(Arc::new(Nothing))
}

struct Written {
    directory: TempDir,
}

impl Written {
    fn new(text: &str) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("hub.toml"), text).unwrap();
        Self { directory }
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment = Environment::given(environment.iter().copied());
        Settings::load_with(Some(&self.directory.path().join("hub.toml")), &environment, REGISTRY)
    }

    /// The lines of what is wrong, with `hub.toml` for the file's path.
    fn problems(&self, environment: &[(&str, &str)]) -> Vec<String> {
        let directory = format!("{}/", self.directory.path().display());
        let error = self.load(environment).expect_err("it should not start");
        error.to_string().lines().map(|line| line.replace(&directory, "")).collect()
    }
}

fn problems(text: &str) -> Vec<String> {
    Written::new(text).problems(&[])
}

const SUBGRAPH: &str = "[[subgraph]]\nname = \"workshops\"\nurl = \"https://graph.example.nl/graphql\"\n";
const SOURCE: &str = "[[source]]\nid = \"homes\"\nconnector = \"municipal\"\nbase_url = \"https://example.nl/api\"\n";

#[test]
fn nothing_set_means_the_defaults() {
    let settings = Written::new("").load(&[]).unwrap();
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database.url.reveal(), "sqlite://hub.db?mode=rwc");
    assert!(settings.redis.url.is_none());
    assert!(settings.sources.is_empty());
    assert!(settings.warnings().is_empty());
}

#[test]
fn the_default_file_says_the_defaults() {
    let written = Written::new(DEFAULTS).load(&[]).unwrap();
    let settings = Settings::default();
    assert_eq!(written.http, settings.http);
    assert_eq!(written.database, settings.database);
    assert_eq!(written.redis, settings.redis);
    assert_eq!(written.cache, settings.cache);
    assert_eq!(written.auth, settings.auth);
    assert_eq!(format!("{:?}", written.sign_in), format!("{:?}", settings.sign_in));
    assert_eq!(written.limits, settings.limits);
    assert_eq!(written.subscriptions, settings.subscriptions);
    assert_eq!(written.sync, settings.sync);
    assert_eq!(written.matching, settings.matching);
    assert_eq!(format!("{:?}", written.webhooks), format!("{:?}", settings.webhooks));
    assert_eq!(format!("{:?}", written.telemetry), format!("{:?}", settings.telemetry));
    assert_eq!(written.federation, settings.federation);
    assert!(written.sources.is_empty() && written.subgraphs.is_empty());
}

#[test]
fn the_default_file_lists_every_setting() {
    /// What is a table of its own, or a list of them.
    const TABLES: [&str; 8] =
        ["oauth", "interface", "paging", "fields", "breaker", "headers", "subscriptions", "policies"];
    let sections = [
        "http",
        "database",
        "redis",
        "cache",
        "auth",
        "sign_in",
        "limits",
        "subscriptions",
        "sync",
        "matching",
        "mutations",
        "audit",
        "webhooks",
        "grants",
        "telemetry",
        "federation",
        "source",
        "subgraph",
    ];
    let of_subgraphs = ["subgraph.oauth", "subgraph.breaker", "subgraph.headers"];
    let below = ["source.oauth", "source.interface.housing_options"].into_iter().chain(of_subgraphs);
    let below: Vec<&str> = below.collect();
    for section in sections.into_iter().chain(below.iter().copied()) {
        let text = match section {
            "source" => format!("{SOURCE}bogus = 1\n"),
            "subgraph" => format!("{SUBGRAPH}bogus = 1\n"),
            _ if of_subgraphs.contains(&section) => format!("{SUBGRAPH}[{section}]\nbogus = 1\n"),
            _ if below.contains(&section) => format!("{SOURCE}[{section}]\nbogus = 1\n"),
            _ => format!("[{section}]\nbogus = 1\n"),
        };
        let line = problems(&text).remove(0);
        let known = line.split_once("known are ").unwrap().1.split_once(':').unwrap().0;
        let header = DEFAULTS.find(&format!("[{section}]")).unwrap();
        let listed: Vec<_> = DEFAULTS[header..]
            .lines()
            .skip(1)
            .take_while(|line| {
                let header = line.trim_start_matches('#').trim_start_matches('[');
                let is_of_list = header.starts_with("source") || header.starts_with("subgraph");
                let is_another = (is_of_list && header.ends_with(']')) || line.starts_with('[');
                !is_another
            })
            .filter_map(|line| line.trim_start_matches('#').split_once(" = "))
            .map(|(key, _)| key)
            .collect();
        for key in known.split(", ").filter(|key| !TABLES.contains(key)) {
            assert!(listed.contains(&key), "{section}.{key} is not in config.default.toml");
        }
    }
}

#[test]
fn what_the_default_file_shows_behind_a_hash_can_be_written() {
    let text: String = DEFAULTS
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]);
    let secrets = [
        ("AMSTERDAM_SECRET", "hush"),
        ("CONSOLE_SECRET", "hush"),
        ("HOMES_KEY", "hush"),
        ("WORKSHOPS_SECRET", "hush"),
        ("HUB_GRANTS_KEY", &key),
        ("HUB_GRANTS_KEY_BEFORE", &key),
        ("HUB_SIGN_IN_KEY", &key),
        ("HUB_SIGN_IN_KEY_BEFORE", &key),
        ("HUB_WEBHOOKS_KEY", &key),
        ("COLLECTOR_AUTHORIZATION", "Bearer hush"),
        ("HUB_WEBHOOKS_KEY_BEFORE", &key),
        // Replicas are those of a PostgreSQL.
        ("HUB__DATABASE__URL", "postgres://hub@db.example.nl/hub"),
    ];
    let written = Written::new(&text);
    Settings::load(Some(&written.directory.path().join("hub.toml")), &Environment::given(secrets)).unwrap();
}

#[test]
fn the_environment_wins_over_the_file() {
    let written = Written::new("[http]\nlisten = \"127.0.0.1:1\"\nrequest_timeout_secs = 5\n");
    let settings = written
        .load(&[("HUB__HTTP__LISTEN", "0.0.0.0:80"), ("HUB__LIMITS__PAGE_SIZE", "7"), ("RUST_LOG", "debug")])
        .unwrap();
    assert_eq!(settings.http.listen.to_string(), "0.0.0.0:80");
    assert_eq!(settings.http.request_timeout_secs, 5);
    assert_eq!(settings.limits.page_size, 7);
    assert_eq!(settings.telemetry.log, "debug");
}

#[test]
fn an_empty_variable_is_no_setting() {
    assert!(Written::new("").load(&[("HUB__REDIS__URL", ""), ("RUST_LOG", "")]).is_ok());
}

#[test]
fn a_named_file_must_be_there() {
    let missing = Path::new("/nowhere/at/all.toml");
    let error = Settings::load(Some(missing), &Environment::given::<String, String>([])).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/at/all.toml: cannot be read (entity not found)"), "{error}");
}

#[test]
fn what_is_no_toml_is_told_in_one_line_without_its_text() {
    let lines = problems("[http]\nlisten = hush-hush\n");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("hub.toml: TOML parse error at line 2"), "{lines:?}");
    assert!(!lines[0].contains("hush"), "{lines:?}");
}

#[test]
fn unknown_keys_are_all_told_at_once() {
    let text = format!("telemetri = 1\n[http]\nlissen = 1\nlisten = true\n[sync]\nwrkers = 2\n{SOURCE}evry = \"1h\"\n");
    assert_eq!(
        problems(&text),
        [
            "hub.toml: telemetri: there is no such section; known are http, database, redis, cache, auth, \
             sign_in, limits, subscriptions, sync, matching, mutations, audit, webhooks, grants, telemetry, metrics, \
             federation, source, subgraph: correct or \
             remove it",
            "hub.toml: http.lissen: there is no such setting; known are listen, public_url, request_timeout_secs, \
             shutdown_grace_secs, trusted_proxies, explorer, console: correct or remove it",
            "hub.toml: http.listen: expected socket address, found true or false",
            "hub.toml: sync.wrkers: there is no such setting; known are workers, allowed_delete_share, \
             allowed_delete_count, allowed_refusal_share, full_every_hours, overlap_secs, retry_budget_secs, lease_secs, \
             interface_priority: correct or remove it",
            "hub.toml: source \"homes\".evry: there is no such setting; known are id, name, connector, base_url, \
             locations, boards, every, fresh_for, streams, priority, oauth, request_timeout, max_answer_bytes, \
             max_file_bytes, requests_at_once, requests_per_minute, drift, volatile, interface: \
             correct or remove it",
        ]
    );
}

#[test]
fn an_unknown_key_in_the_environment_is_told_with_its_variable() {
    let lines = Written::new("[http]\nlisten = \"127.0.0.1:1\"\n").problems(&[("HUB__HTTP__LISSEN", "1")]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("environment variable HUB__HTTP__LISSEN: http.lissen: there is no such setting"));
}

#[test]
fn a_secret_that_is_not_there_is_told_with_where_it_should_be() {
    let oauth = "[source.oauth]\ntoken_url = \"https://example.nl/token\"\nclient_id = \"hub\"\n";
    let text = format!("{SOURCE}{oauth}client_secret = {{ env = \"HOMES_SECRET\" }}\n");
    assert_eq!(
        problems(&text),
        ["hub.toml: source \"homes\".oauth.client_secret: the environment variable HOMES_SECRET is not set or empty: \
          set it, or name another"]
    );
    let settings = Written::new(&text).load(&[("HOMES_SECRET", "hush")]).unwrap();
    let oauth_settings = settings.sources[0].oauth.as_ref().unwrap();
    assert!(matches!(&oauth_settings.client_secret, Some(Secret::Resolved(text)) if text == "hush"));

    let text = format!("{SOURCE}{oauth}client_secret = {{ file = \"/nowhere/secret\" }}\n");
    assert_eq!(
        problems(&text),
        [
            "hub.toml: source \"homes\".oauth.client_secret: the file /nowhere/secret cannot be read (entity not found): \
          put the secret there, or name another"
        ]
    );
}

#[test]
fn how_somebody_lets_the_hub_in_is_checked_and_told_with_its_place() {
    let oauth = "[source.oauth]\ntoken_url = \"https://example.nl/token\"\nclient_id = \"hub\"\n";
    let grant = "grant = \"authorization_code\"\n";
    let kept = format!(
        "{SOURCE}{oauth}{grant}issuer = \"https://example.nl\"\n[grants]\nencryption_key = {{ env = \"K\" }}\n"
    );
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    assert!(Written::new(&kept).load(&[("K", key)]).is_ok());
    let lines = Written::new(&kept).problems(&[("K", "short")]);
    assert_eq!(
        lines,
        ["hub.toml: grants.encryption_key: expected 32 bytes in base64: `openssl rand -base64 32` makes them"]
    );

    let lines = problems(&format!("{SOURCE}{oauth}{grant}revocation_url = \"http://example.nl/revoke\"\n"));
    let expected = [
        "hub.toml:9:1: source \"homes\".oauth.revocation_url: expected an address that begins with https:// (http only on \
         a loopback address)",
        "hub.toml:8:1: source \"homes\".oauth.grant: nobody knows where people let the hub in: add authorization_url, or \
         issuer",
        "hub.toml:8:1: source \"homes\".oauth.grant: what lets the hub in is kept encrypted: set grants.encryption_key \
         (`openssl rand -base64 32` makes one)",
    ];
    assert_eq!(lines, expected);
    let lines = problems(&format!("{SOURCE}{oauth}redirect_port = 8765\n"));
    let expected = [
        "hub.toml:5:9: source \"homes\".oauth.client_secret: is missing: add it, as { env = \"NAME\" } or { file = \
         \"PATH\" }",
        "hub.toml:8:1: source \"homes\".oauth.redirect_port: has no effect without grant = \"authorization_code\": add \
         that, or remove this",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_cannot_be_checked_record_by_record_is_told_with_its_place() {
    let written = |connector: &str, stream: &str| {
        let source = SOURCE.replace("municipal", connector);
        Written::new(&format!("{source}[source.volatile]\n{stream} = {{ after = \"5m\", timeout = \"500ms\" }}\n"))
    };
    let load = |written: &Written| {
        Settings::load(Some(&written.directory.path().join("hub.toml")), &Environment::given([("A", "b")]))
    };
    let settings = load(&written("municipal", "housing_options")).unwrap();
    let volatile = settings.sources[0].volatile["housing_options"];
    assert_eq!((volatile.after.as_secs(), volatile.timeout.as_millis()), (300, 500));
    for (connector, stream, told) in [
        ("municipal", "housing_schemes", "`municipal` can read records one by one only of housing_options"),
        ("partner", "commitments", "`partner` can read records one by one only of services"),
        ("school_board", "orgs", "`school_board` can read records one by one only of needs"),
    ] {
        let error = load(&written(connector, stream)).unwrap_err().to_string();
        assert!(error.contains(":6:1: source \"homes\".volatile."), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text = format!(
        "{SOURCE}[source.oauth]\ntoken_url = \"https://example.nl/token\"\nclient_id = \"hub\"\nclient_secret = \
         \"hush-hush\"\n"
    );
    assert_eq!(
        problems(&text),
        [
            "hub.toml: source \"homes\".oauth.client_secret: a secret is not written here: name it as { env = \"NAME\" } \
          or { file = \"PATH\" }"
        ]
    );
    let lines = problems(&SOURCE.replace("https://", "https://user:hush@"));
    assert_eq!(lines, ["hub.toml: source \"homes\".base_url: a secret is not written here: use [source.oauth]"]);
}

#[test]
fn the_address_of_a_database_may_be_named_as_a_secret() {
    let written = Written::new("[database]\nurl = { env = \"DATABASE\" }\n");
    let settings = written.load(&[("DATABASE", "postgres://hub:hush@db/hub")]).unwrap();
    assert_eq!(settings.database.url.reveal(), "postgres://hub:hush@db/hub");
    assert!(!format!("{settings:?}").contains("hush"));
    let lines = written.problems(&[]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("hub.toml: database.url: the environment variable DATABASE is not set"), "{lines:?}");
}

#[test]
fn two_sources_of_one_id_are_refused() {
    assert_eq!(
        problems(&format!("{SOURCE}{SOURCE}")),
        ["hub.toml: source \"homes\".id: two sources have this id: give one of them another"]
    );
}

#[test]
fn an_unknown_connector_or_stream_is_told_with_the_known_ones() {
    assert_eq!(
        problems(&SOURCE.replace("municipal", "municiple")),
        ["hub.toml: source \"homes\".connector: there is no connector `municiple`; known are municipal"]
    );
    assert_eq!(
        problems(&format!("{SOURCE}streams = [\"homes\"]\n")),
        ["hub.toml: source \"homes\".streams: `municipal` has no stream `homes`; it has housing_options"]
    );
}

#[test]
fn what_a_connector_misses_is_told() {
    assert_eq!(
        problems("[[source]]\nid = \"homes\"\nconnector = \"municipal\"\n"),
        ["hub.toml: source \"homes\": base_url is missing: add it"]
    );
    assert_eq!(problems("[[source]]\nid = \"homes\"\n"), ["hub.toml: source \"homes\".connector: is missing: add it"]);
}

#[test]
fn sources_cannot_be_told_one_by_one_in_the_environment() {
    let lines = Written::new(SOURCE).problems(&[("HUB__SOURCE__HOMES__EVERY", "1h")]);
    assert_eq!(
        lines,
        ["environment variable HUB__SOURCE: source: sources are a list: write each as [[source]] in the file"]
    );
}

#[test]
fn identifiers_and_durations_have_a_form() {
    let lines = problems(&SOURCE.replace("homes", "Homes!"));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("must be lower-case letters"), "{lines:?}");
    let lines = problems(&format!("{SOURCE}every = \"soon\"\n"));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("hub.toml: source \"homes\".every: `soon` is no duration"), "{lines:?}");
}

#[test]
fn numbers_have_bounds() {
    let text = "[limits]\ndepth = 0\n[sync]\nworkers = 0\nallowed_delete_share = 2.0\nlease_secs = 1\n";
    let keys: Vec<_> =
        problems(text).iter().map(|line| line.split(": ").nth(1).unwrap_or_default().to_owned()).collect();
    assert_eq!(keys, ["limits.depth", "sync.workers", "sync.lease_secs", "sync.allowed_delete_share"]);
}

#[test]
fn limits_that_would_harm_are_refused() {
    let lines =
        problems("[limits]\ndepth = 101\ndocuments = \"trusted\"\n[http]\ntrusted_proxies = [\"10.0.0.0/33\"]\n");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("hub.toml: http.trusted_proxies"), "{lines:?}");
    assert!(lines[1].starts_with("hub.toml: limits.depth: must be at most 100"), "{lines:?}");
    assert!(lines[2].starts_with("hub.toml: limits.documents: is \"trusted\", but"), "{lines:?}");
}

#[test]
fn subgraphs_have_names_of_their_own_and_secrets_that_are_there() {
    let second = "[[subgraph]]\nname = \"Workshops\"\nurl = \"ftp://graph.example.nl\"\nrequests_at_once = 0\n";
    let lines = problems(&format!(
        "{SUBGRAPH}[subgraph.oauth]\ntoken_url = \"https://login.example.nl\"\nclient_id = \"a\"\nclient_secret = {{ env = \"NOT_SET\" }}\n{second}"
    ));
    let told = lines.join("\n");
    for what in [
        "subgraph \"workshops\".oauth.client_secret: the environment variable NOT_SET is not set",
        "subgraph \"Workshops\".name: two subgraphs have this name",
        "subgraph \"Workshops\".requests_at_once: must be at least 1",
        "subgraph \"Workshops\".url: expected an address",
    ] {
        assert!(told.contains(what), "{what}: {told}");
    }
    for (headers, what) in [
        ("forward = [\"Cookie\"]", "subgraph \"workshops\".headers: `Cookie` is the hub's own to send"),
        ("set = { x-key = { env = \"NOT_SET\" } }", "`x-key`: the environment variable NOT_SET is not set"),
    ] {
        let told = problems(&format!("{SUBGRAPH}[subgraph.headers]\n{headers}\n")).join("\n");
        assert!(told.contains(what), "{what}: {told}");
    }
    let told = problems("[[subgraph]]\nname = \"hub\"\nurl = \"https://graph.example.nl\"\n").join("\n");
    assert!(told.contains("subgraph \"hub\".name: is the hub's own"), "{told}");
}

#[test]
fn databases_of_other_makes_are_refused_without_their_address() {
    let lines = problems("[database]\nurl = \"mysql://hub:hush@db/hub\"\n[redis]\nurl = \"http://hush\"\n");
    assert_eq!(
        lines,
        [
            "hub.toml: database.url: expected sqlite://PATH?mode=rwc or postgres://USER@HOST/NAME",
            "hub.toml: redis.url: expected redis://HOST:PORT or rediss://HOST:PORT",
        ]
    );
}

#[test]
fn settings_that_would_protect_nothing_are_refused() {
    let no_effect = "no token is taken without auth.issuer, so this has no effect: name the issuer";
    let lines = problems("[auth]\nanonymous = \"deny\"\naudience = \"hub\"\nplain_jwt = true\n");
    let expected = ["audience", "anonymous", "plain_jwt"].map(|key| format!("hub.toml: auth.{key}: {no_effect}"));
    assert_eq!(lines, expected);
    let lines = problems("[auth]\nissuer = \"http://login.example.nl\"\n");
    assert_eq!(
        lines,
        [
            "hub.toml: auth.issuer: http://login.example.nl/ can be forged on the way: use https (http only on a \
             loopback address)",
            "hub.toml: auth.audience: is missing: name whom tokens are for, or those for others would be taken: add it",
        ]
    );
    let two = "[auth]\nissuer = [\"http://127.0.0.1:9/a\", \"https://b.example.nl\"]\naudience = \"hub\"\n";
    assert!(Written::new(two).load(&[]).is_ok());
    let lines = problems(&format!("{two}anonymous = \"no\"\n"));
    assert_eq!(lines, ["hub.toml: auth.anonymous: expected one of public, deny"]);
    let lines = problems(&format!("{two}jwks_url = \"https://b.example.nl/keys\"\n"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("hub.toml: auth.jwks_url: cannot be that of several issuers"));
}

#[test]
fn where_the_hub_is_reached_is_an_address_without_a_path() {
    for url in ["ftp://hub.example", "https://hub.example/graphql", "https://a:b@hub.example", "https://h.example/?a=b"]
    {
        let lines = problems(&format!("[http]\npublic_url = \"{url}\"\n"));
        assert_eq!(
            lines,
            ["hub.toml: http.public_url: expected an address without a path, as https://hub.example.nl"],
            "{url}"
        );
    }
}

#[test]
fn a_log_filter_must_be_one() {
    let lines = Written::new("[telemetry]\nlog = \"a=b=c\"\n").problems(&[("RUST_LOG", "d=e=f")]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("hub.toml: telemetry.log: is no log filter"));
    assert!(lines[1].starts_with("environment variable RUST_LOG: is no log filter"));
}

#[test]
fn how_often_metrics_are_sent_is_said_as_for_any_opentelemetry_sdk() {
    let every = |file: &str, environment: &[(&str, &str)]| {
        Written::new(file).load(environment).map(|settings| settings.telemetry.metrics_every())
    };
    let set = "[telemetry]\nmetrics_every_ms = 5\n";
    assert_eq!(every("", &[]).unwrap(), Some(Duration::from_secs(60)));
    assert_eq!(every(set, &[]).unwrap(), Some(Duration::from_millis(5)));
    assert_eq!(every(set, &[("OTEL_METRIC_EXPORT_INTERVAL", "7000")]).unwrap(), Some(Duration::from_secs(7)));
    assert_eq!(every(set, &[("OTEL_METRIC_EXPORT_INTERVAL", "0")]).unwrap(), None);
    for wrong in ["often", "-1", "1.5", "60s", "18446744073709551616"] {
        let lines = Written::new("").problems(&[("OTEL_METRIC_EXPORT_INTERVAL", wrong)]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("environment variable OTEL_METRIC_EXPORT_INTERVAL: is no interval"), "{lines:?}");
    }
}

#[test]
fn what_a_collector_is_told_are_headers_and_secrets() {
    let text = |headers: &str| format!("[telemetry]\notlp = \"http://collector:4318\"\notlp_headers = {headers}\n");
    let secrets = [("TOKEN", "Bearer hush"), ("LINES", "a\nb")];
    let problems = |file: &str| Written::new(file).problems(&secrets);
    for (file, begins) in [
        (text("{ authorization = \"Bearer hush\" }"), "hub.toml: telemetry.otlp_headers.authorization: "),
        (
            text("{ authorization = { env = \"NONE\" } }"),
            "hub.toml: telemetry.otlp_headers.authorization: the environment",
        ),
        (text("{ \"a b\" = { env = \"TOKEN\" } }"), "hub.toml: telemetry.otlp_headers.a b: is no name of a header"),
        (text("{ x = { env = \"LINES\" } }"), "hub.toml: telemetry.otlp_headers.x: cannot stand in a header"),
        (
            "[telemetry]\notlp_headers = { x = { env = \"TOKEN\" } }\n".to_owned(),
            "hub.toml: telemetry.otlp_headers: has no effect without telemetry.otlp",
        ),
    ] {
        let lines = problems(&file);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(begins) && !lines[0].contains("hush"), "{lines:?}");
    }
    let settings = Written::new(&text("{ authorization = { env = \"TOKEN\" } }")).load(&secrets).unwrap();
    assert!(!format!("{:?}", (settings.telemetry.clone(), settings.telemetry.headers())).contains("hush"));
    assert_eq!(settings.telemetry.headers()["authorization"], "Bearer hush");
    assert!(settings.warnings().iter().any(|warning| warning.contains("telemetry.otlp_headers")));
}

#[test]
fn secrets_sent_in_the_clear_are_warned_of() {
    let text = format!(
        "{}every = \"3h\"\n[source.oauth]\ntoken_url = \"http://127.0.0.1:1/token\"\nclient_id = \"hub\"\n\
         client_secret = {{ env = \"S\" }}\n",
        SOURCE.replace("https", "http")
    );
    let settings = Written::new(&text).load(&[("S", "hush")]).unwrap();
    let warnings = settings.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("example.nl unencrypted"));
    assert!(warnings[1].contains("stale before it is read again"));
}

#[test]
fn weights_that_mean_nothing_are_refused() {
    let keys = |text: &str| -> Vec<String> {
        problems(text).iter().filter_map(|line| Some(line.split(": ").nth(1)?.to_owned())).collect()
    };
    let text = "[matching]\ntheme_weight = -1.0\nvog_weight = nan\ncandidates = 5\n";
    assert_eq!(keys(text), ["matching.theme_weight", "matching.vog_weight", "matching.candidates"]);
    let none: String = crate::config::MatchingSettings::default()
        .weights()
        .iter()
        .map(|(name, _)| format!("{name} = 0.0\n"))
        .collect();
    assert_eq!(keys(&format!("[matching]\n{none}")), ["matching"]);
}

#[test]
fn a_replica_is_a_standby_of_a_postgresql_for_a_hub_that_keeps_answers() {
    let with = |url: &str, replica: &str, more: &str| {
        problems(&format!("[database]\nurl = \"{url}\"\nreplica_url = \"{replica}\"\n{more}"))
    };
    let (store, replica) = ("postgres://hub@db/hub", "postgres://hub@standby/hub");
    for (told, expected) in [
        (with("sqlite://hub.db", replica, ""), "an embedded store has no replicas: remove this"),
        (with(store, "sqlite://hub.db", ""), "expected postgres://USER@HOST/NAME, of standbys"),
        (with(store, replica, "[cache]\nanswers = false\n"), "is only for a hub that keeps answers (cache.answers)"),
    ] {
        assert!(told.len() == 1 && told[0].starts_with("hub.toml: database.replica_url: "), "{told:?}");
        assert!(told[0].contains(expected), "{told:?}");
    }
    let written = Written::new(&format!("[database]\nurl = \"{store}\"\n"));
    let settings = written.load(&[("HUB__DATABASE__REPLICA_URL", "postgres://hub:hush@standby/hub")]).unwrap();
    assert!(settings.database.replica_url.is_some_and(|url| url.has_password()));
}
