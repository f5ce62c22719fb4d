//! A certificate that is wrong: the real binary, a partner behind TLS on loopback, and an issuer that the machine trusts.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use connectors::sync::register;
use entity::Clock;
use migration::{Migrator, MigratorTrait};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rstest::rstest;
use sea_orm::Database;
use tests::partner::{Entry, Partner, Standard};
use tests::process::binary;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    SelfSigned,
    Expired,
    NotYet,
    OtherHost,
}

impl Wrong {
    /// What the operator reads.
    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::SelfSigned => "nobody whom this machine trusts has issued its certificate",
            Self::Expired => "its certificate has expired",
            Self::NotYet => "its certificate is not valid yet",
            Self::OtherHost => "its certificate is for another name",
        }
    }
}

/// An issuer of certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as machines keep those that they trust.
    pem: String,
}

impl Authority {
    fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Another name than certificates have that say nothing of it.
        params.distinguished_name.push(DnType::CommonName, "An issuer of the test");
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// How a server of 127.0.0.1 speaks TLS, with a certificate that is wrong in this way.
    fn server(&self, wrong: Wrong) -> Result<Arc<ServerConfig>> {
        let name = if matches!(wrong, Wrong::OtherHost) { "other.example" } else { "127.0.0.1" };
        let mut params = CertificateParams::new([name.to_owned()])?;
        (params.not_before, params.not_after) = match wrong {
            Wrong::Expired => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)),
            Wrong::NotYet => (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1)),
            _ => (date_time_ymd(2020, 1, 1), date_time_ymd(3000, 1, 1)),
        };
        let key = KeyPair::generate()?;
        let certificate = match wrong {
            Wrong::SelfSigned => params.self_signed(&key)?,
            _ => params.signed_by(&key, &self.issuer)?,
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate)], key)?;
        Ok(Arc::new(config))
    }
}

/// TLS in front of a server that speaks none.
struct Front {
    address: String,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    /// Connections that were made.
    connections: Arc<AtomicU64>,
    /// Those over which anything could be said.
    agreed: Arc<AtomicU64>,
}

impl Front {
    async fn before(server: &str, config: Arc<ServerConfig>) -> Result<Self> {
        let target = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("https://{}", listener.local_addr()?);
        let front =
            Self { address, config: Arc::new(Mutex::new(config)), connections: Arc::default(), agreed: Arc::default() };
        let (config, connections) = (Arc::clone(&front.config), Arc::clone(&front.connections));
        let agreed = Arc::clone(&front.agreed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let acceptor = TlsAcceptor::from(Arc::clone(&config.lock().expect("nobody panicked")));
                let (agreed, target) = (Arc::clone(&agreed), target.clone());
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    agreed.fetch_add(1, Ordering::SeqCst);
                    let Ok(mut server) = TcpStream::connect(target).await else { return };
                    copy_bidirectional(&mut client, &mut server).await.ok();
                });
            }
        });
        Ok(front)
    }

    fn serve(&self, config: Arc<ServerConfig>) {
        *self.config.lock().expect("nobody panicked") = config;
    }

    fn counted(&self) -> (u64, u64) {
        (self.connections.load(Ordering::SeqCst), self.agreed.load(Ordering::SeqCst))
    }
}

/// Reads the source once: whether it succeeded, and what was said.
async fn sync(folder: &Path) -> Result<(bool, String)> {
    let mut command = Command::new(binary()?);
    command.args(["sync", "--full"]).current_dir(folder).env_clear().kill_on_drop(true);
    let output = command.env("SSL_CERT_FILE", folder.join("trusted.pem")).output().await?;
    Ok((output.status.success(), String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?))
}

#[rstest]
#[case::system(false)]
#[case::token_endpoint(true)]
#[tokio::test]
async fn a_certificate_that_is_wrong_is_told_of_and_nothing_is_sent(#[case] at_the_token_endpoint: bool) -> Result<()> {
    let partner = Partner::start(Standard::Hsds, 5).await?;
    let retitle = |title: &str| {
        partner.edit(|entries| {
            *entries = (0..7)
                .map(|number| {
                    let (id, title) = (format!("r{number}"), format!("{title} {number}"));
                    Entry { id, title, modified: Clock::system().now(), gone: false, invalid: false }
                })
                .collect();
        });
    };
    retitle("first");
    let authority = Authority::new()?;
    let plain = partner.source().base_url.context("an address")?;
    let front = Front::before(plain.as_str().trim_end_matches('/'), authority.server(Wrong::Nothing)?).await?;

    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("hub.db").display());
    let (base, token) = if at_the_token_endpoint {
        (plain.as_str().trim_end_matches('/').to_owned(), front.address.clone())
    } else {
        (front.address.clone(), plain.as_str().trim_end_matches('/').to_owned())
    };
    std::fs::write(folder.path().join("trusted.pem"), &authority.pem)?;
    std::fs::write(folder.path().join("secret"), "not-a-secret")?;
    std::fs::write(
        folder.path().join("hub.toml"),
        format!(
            "[database]\nurl = \"{url}\"\n[[source]]\nid = \"partner\"\nconnector = \"partner\"\n\
             base_url = \"{base}\"\n[source.oauth]\ntoken_url = \"{token}/token\"\nclient_id = \"hub\"\n\
             client_secret = {{ file = \"secret\" }}\n"
        ),
    )?;
    let db = Database::connect(&url).await?;
    Migrator::up(&db, None).await?;
    register(&db, &[partner.source()]).await?;

    let (succeeded, said) = sync(folder.path()).await?;
    ensure!(succeeded && front.counted().1 > 0, "a certificate that is right does not do: {said}");
    for wrong in [Wrong::SelfSigned, Wrong::Expired, Wrong::NotYet, Wrong::OtherHost] {
        let before = partner.stored(&db).await?;
        ensure!(before.len() == 7 && before == partner.expected(), "{before:?}");
        retitle(&format!("before {wrong:?}"));
        front.serve(authority.server(wrong)?);
        let counters = partner.counters();
        let (connections, agreed) = front.counted();
        let (requests, tokens) = (counters.requests.load(Ordering::SeqCst), counters.tokens.load(Ordering::SeqCst));
        let (succeeded, said) = sync(folder.path()).await?;
        ensure!(!succeeded && said.contains("partner: FAILED"), "{wrong:?}: {said}");
        let sentence =
            format!("no safe connection to {}", if at_the_token_endpoint { "the token endpoint" } else { "127" });
        ensure!(said.contains(&sentence) && said.contains(wrong.words()), "{wrong:?}: {said}");
        // Once, and nothing was said over it: no token, no secret. A run that failed so is not asked again within it.
        ensure!(front.counted() == (connections + 1, agreed), "{wrong:?}: {:?}", front.counted());
        ensure!(counters.requests.load(Ordering::SeqCst) == requests, "{wrong:?}: records were asked for");
        let more = u64::from(!at_the_token_endpoint);
        ensure!(counters.tokens.load(Ordering::SeqCst) == tokens + more, "{wrong:?}");
        ensure!(partner.stored(&db).await? == before, "{wrong:?} touched the store");

        front.serve(authority.server(Wrong::Nothing)?);
        let (succeeded, said) = sync(folder.path()).await?;
        ensure!(succeeded, "after {wrong:?}: {said}");
        ensure!(partner.stored(&db).await? == partner.expected(), "after {wrong:?}");
    }
    Ok(())
}
