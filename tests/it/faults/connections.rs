//! No connection at all: the name leads nowhere, nobody listens, or what answers speaks no TLS; at the system and at its
//! token endpoint.

use anyhow::{Context, Result, ensure};
use connectors::SourceSettings;
use connectors::settings::OAuthSettings;
use connectors::sync::RunOptions;
use entity::vocabulary::SyncStatus;
use rstest::rstest;
use tests::partner::Standard;
use tests::store::Backend;
use url::Url;

use super::bench::{Bench, RECORDS};

/// What an address leads to.
#[derive(Clone, Copy, Debug)]
enum Leads {
    /// To no host: a name that no resolver takes, so that nobody is asked for it.
    Nowhere,
    /// To a port that nobody listens at.
    Refused,
    /// To something that speaks no TLS.
    NoTls,
}

impl Leads {
    async fn address(self, right: &Url) -> Result<Url> {
        let mut url = right.clone();
        match self {
            Self::Nowhere => {
                url.set_scheme("https").ok().context("a scheme")?;
                url.set_host(Some(&format!("{}.example", "x".repeat(64))))?;
            }
            Self::Refused => {
                // Bound and let go, so that nobody has it.
                let free = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
                url.set_port(Some(free)).ok().context("a port")?;
            }
            Self::NoTls => {
                // Its port is kept, since it is not that of the scheme.
                url = right.as_str().replacen("http://", "https://", 1).parse()?;
            }
        }
        Ok(url)
    }

    /// A word of what the operator reads.
    fn words(self) -> &'static str {
        match self {
            Self::Nowhere | Self::Refused => "cannot be reached",
            Self::NoTls => "no safe connection",
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_system_that_cannot_be_reached_loses_nothing_and_is_read_again_once_it_can(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(Standard::OneRoster, Standard::Hsds, Standard::Vera)] standard: Standard,
    #[values(false, true)] at_the_token_endpoint: bool,
) -> Result<()> {
    let Some(bench) = Bench::start(backend, standard).await? else { return Ok(()) };
    for leads in [Leads::Nowhere, Leads::Refused, Leads::NoTls] {
        bench.retitle(3, &format!("after {leads:?}"));
        let mut source = bench.source.clone();
        if at_the_token_endpoint {
            let oauth = source.oauth.clone().context("tokens")?;
            let token_url = leads.address(&oauth.token_url).await?;
            source.oauth = Some(OAuthSettings { token_url, ..oauth });
        } else {
            let right = source.base_url.clone().context("an address")?;
            source = SourceSettings { base_url: Some(leads.address(&right).await?), ..source };
        }
        let full = RunOptions { full: true, ..RunOptions::default() };
        // Of its own, for it keeps no token.
        let report = bench.another()?.run(&source, &full).await?;
        ensure!(report.status == SyncStatus::Failed && report.tally.deleted == 0, "{leads:?}: {report:?}");
        let error = report.error.as_deref().unwrap_or_default();
        ensure!(error.contains(leads.words()), "{leads:?}: {error}");
        ensure!(error.contains("token endpoint") == at_the_token_endpoint, "{leads:?}: {error}");
        ensure!(bench.stored().await? == RECORDS, "{leads:?} lost records");
        let changes = bench.changes().await?;
        let report = bench.run().await?;
        ensure!(report.status == SyncStatus::Succeeded, "after {leads:?}: {report:?}");
        bench.must_be_equal().await?;
        ensure!(bench.changes().await? == changes + 3, "{leads:?} led to changes too many");
    }
    Ok(())
}
