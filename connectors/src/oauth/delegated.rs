//! Tokens in somebody's name: kept in the store for all workers, refreshed by one of them at a time.
//!
//! A refresh token may be good for once, and whoever sends one that was used may be taken for a thief. So a refresh is
//! made under a lease, in a task of its own that ends whatever becomes of who asked for it, and what it gave is written
//! before anybody uses it. A process that dies between the answer and the write leaves the token that was sent: the next
//! sends it again, which systems take for a while after they gave a newer one, for this very reason. Where the last one is
//! not taken, the one before is tried; where that is not taken either, somebody must connect the source again.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::source_grant::GrantState;

use super::Token;
use super::endpoint::{NotRefreshed, Refreshed, TokenEndpoint};
use super::grants::{Grants, Held};
use crate::error::{Error, ErrorKind, Result};

/// A process looks at what is kept this often, so that one that was disconnected soon stops.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// How soon it looks whether another process is done refreshing: then after twice as long each time, up to a bound.
const FIRST_LOOK: Duration = Duration::from_millis(4);
const LONGEST_LOOK: Duration = Duration::from_millis(250);
/// How long it waits for that: longer than a lease lasts, so that it can take over.
const PATIENCE: Duration = Duration::from_secs(45);
/// What was given is written so often before it is given up, each time after twice as long.
const WRITES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A token that is good for a while yet, and is not the `refused` one.
pub(super) async fn token(endpoint: &TokenEndpoint, grants: &Grants, refused: Option<&str>) -> Result<Token> {
    let source_id = &endpoint.source_id;
    let (began, mut pause) = (Instant::now(), FIRST_LOOK);
    loop {
        let row = grants.find(source_id).await?.ok_or_else(|| not_connected(source_id))?;
        if row.state == GrantState::Reauthorise {
            return Err(is_over(endpoint));
        }
        let now = endpoint.clock.now();
        if let Some(kept) = grants.access(&row)?
            && now < kept.renew_at
            && refused != Some(kept.secret())
        {
            return Ok(Token { renew_at: kept.renew_at.min(now + LOOK_AGAIN), ..kept });
        }
        if let Some(held) = grants.take(&row).await? {
            let (endpoint, grants) = (endpoint.clone(), grants.clone());
            let refreshing = tokio::spawn(async move { refresh(&endpoint, &grants, &held).await });
            let refreshed = refreshing.await.unwrap_or_else(|error| {
                Err(Error::new(ErrorKind::TokenEndpointDown, "a refresh was broken off").because(error))
            })?;
            // Where it is none, another has written meanwhile.
            if let Some(token) = refreshed {
                return Ok(Token { renew_at: token.renew_at.min(now + LOOK_AGAIN), ..token });
            }
        }
        if began.elapsed() > PATIENCE {
            let message = format!("another process has been refreshing the token of source `{source_id}` for too long");
            return Err(Error::new(ErrorKind::TokenEndpointDown, message));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_LOOK);
    }
}

/// Refreshes under the lease, and writes what came of it. `None` where it was not written, for the lease had ended.
async fn refresh(endpoint: &TokenEndpoint, grants: &Grants, held: &Held) -> Result<Option<Token>> {
    let tokens = match grants.refresh_tokens(held.row()) {
        Ok(tokens) => tokens,
        Err(error) => {
            grants.release(held).await?;
            return Err(error);
        }
    };
    for sent in &tokens {
        match endpoint.by_refresh_token(sent).await {
            Ok(Refreshed { access, refresh }) => {
                // Where the one before was taken, it is the one to send from now on.
                let next = refresh.as_deref().or_else(|| (Some(sent) != tokens.first()).then_some(sent.as_str()));
                return write(endpoint, grants, held, access, next).await;
            }
            Err(NotRefreshed::InvalidGrant) => {}
            Err(NotRefreshed::Failed(error)) => {
                grants.release(held).await?;
                return Err(error);
            }
        }
    }
    grants.is_over(held).await?;
    Err(is_over(endpoint))
}

/// Writes what a refresh gave. It cannot be had again, so a store that is away for a moment is waited for.
async fn write(
    endpoint: &TokenEndpoint,
    grants: &Grants,
    held: &Held,
    access: Token,
    refresh: Option<&str>,
) -> Result<Option<Token>> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        match grants.refreshed(held, &access, refresh).await {
            Ok(true) => {
                tracing::debug!(source.id = endpoint.source_id, "a token was refreshed");
                return Ok(Some(access));
            }
            Ok(false) => break,
            Err(error) if attempt == WRITES => return Err(error),
            Err(error) => {
                tracing::warn!(
                    source.id = endpoint.source_id,
                    error = &error as &dyn std::error::Error,
                    "a refreshed token cannot be written yet"
                );
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
    // Where the source was disconnected meanwhile, what was just given is not left behind.
    if let (None, Some(given)) = (grants.find(&endpoint.source_id).await?, refresh) {
        endpoint.revoke_known(given).await?;
    }
    Ok(None)
}

fn not_connected(source_id: &str) -> Error {
    let message = format!("source `{source_id}` is not connected: run `hub connect {source_id}`");
    Error::new(ErrorKind::Reauthorise, message)
}

fn is_over(endpoint: &TokenEndpoint) -> Error {
    let (host, source_id) = (endpoint.host(), &endpoint.source_id);
    let message = format!("{host} lets the hub in no more (REAUTHORISE): run `hub connect {source_id}`");
    Error::new(ErrorKind::Reauthorise, message)
}
