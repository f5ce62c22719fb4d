//! `hub webhooks`: partners' endpoints, their dead letters, and sending messages again by hand.

use std::process::ExitCode;

use crate::audit::{self, Actor, Deed};
use crate::auth::scope;
use crate::config::Settings;
use crate::webhooks::{self, Replay, message_id};
use anyhow::Context;
use clap::{Args, Subcommand};
use entity::audit_entry::{AuditAction, AuditStatus};
use entity::global_id::{GlobalId, Kind};
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::webhook_endpoint::{self, WebhookEndpointStatus};
use entity::{Clock, Code, partner, webhook_attempt};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::listing::instant;
use super::output::Output;
use super::{BadUse, store};

/// What `hub webhooks` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists endpoints: whose they are, whether they hear, how many messages wait
    List,
    /// Lists dead letters, and why they were given up
    Dead {
        /// Of which endpoint, by its id [default: of all]
        endpoint: Option<String>,
        /// How many, the latest first
        #[arg(long, value_name = "N", default_value_t = 50)]
        last: u64,
    },
    /// Makes messages due again, under the same webhook-id: the worker sends them
    Replay {
        /// Of which endpoint, by its id
        endpoint: String,
        /// Which messages, by their webhook-id [default: all its dead letters]
        #[arg(value_name = "MESSAGE")]
        messages: Vec<String>,
    },
    /// Sends an endpoint nothing more, until it is resumed
    Pause {
        /// The endpoint, by its id
        endpoint: String,
    },
    /// Sends to an endpoint again, from where it was
    Resume {
        /// The endpoint, by its id
        endpoint: String,
    },
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    let desk = Desk { db: &db, clock: Clock::system(), register: &settings.audit.processing_activities };
    match &arguments.what {
        What::List => desk.list(output).await?,
        What::Dead { endpoint, last } => desk.dead(endpoint.as_deref(), *last, output).await?,
        What::Replay { endpoint, messages } => desk.replay(endpoint, messages, output).await?,
        What::Pause { endpoint } => desk.switch(endpoint, WebhookEndpointStatus::Paused, output).await?,
        What::Resume { endpoint } => desk.switch(endpoint, WebhookEndpointStatus::Active, output).await?,
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Where operators work.
struct Desk<'a> {
    db: &'a DatabaseConnection,
    clock: Clock,
    register: &'a str,
}

impl Desk<'_> {
    async fn list(&self, output: &mut Output) -> anyhow::Result<()> {
        let endpoints = webhook_endpoint::Entity::find().order_by_asc(webhook_endpoint::Column::CreatedAt);
        let endpoints = endpoints.all(self.db).await?;
        if endpoints.is_empty() {
            output.line("no endpoint is registered");
        }
        for endpoint in endpoints {
            let owner = partner::Entity::find_by_id(endpoint.partner_id).one(self.db).await?;
            let (waiting, dead) = (
                self.count(endpoint.id, WebhookDeliveryStatus::Pending).await?,
                self.count(endpoint.id, WebhookDeliveryStatus::Dead).await?,
            );
            output.line(format!(
                "{}: {}; {}; {} since {}; {waiting} waiting, {dead} dead",
                name(endpoint.id),
                owner.map_or_else(|| "a partner that is gone".to_owned(), |partner| partner.name),
                endpoint.url,
                endpoint.status.code(),
                instant(endpoint.status_at),
            ));
            if let Some(reason) = &endpoint.status_reason {
                output.line(format!("    {reason}"));
            }
            if let Some(since) = endpoint.failing_since {
                output.line(format!("    no message was taken since {}", instant(since)));
            }
        }
        Ok(())
    }

    async fn count(&self, endpoint: Uuid, status: WebhookDeliveryStatus) -> anyhow::Result<u64> {
        let messages = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::EndpointId.eq(endpoint))
            .filter(webhook_delivery::Column::Status.eq(status));
        Ok(messages.count(self.db).await?)
    }

    async fn dead(&self, endpoint: Option<&str>, last: u64, output: &mut Output) -> anyhow::Result<()> {
        let mut dead = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::Status.eq(WebhookDeliveryStatus::Dead))
            .order_by_desc(webhook_delivery::Column::EndedAt)
            .limit(last);
        if let Some(endpoint) = endpoint {
            dead = dead.filter(webhook_delivery::Column::EndpointId.eq(self.find(endpoint).await?.id));
        }
        let dead = dead.all(self.db).await?;
        if dead.is_empty() {
            output.line("there are no dead letters");
        }
        for message in dead {
            let attempts = webhook_attempt::Entity::find()
                .filter(webhook_attempt::Column::DeliveryId.eq(message.id))
                .count(self.db)
                .await?;
            output.line(format!(
                "{} {} to {}: given up {} after {attempts} attempts",
                message_id(message.id),
                message.event.wire(),
                name(message.endpoint_id),
                message.ended_at.map_or_else(String::new, instant),
            ));
            if let Some(reason) = message.status_reason {
                output.line(format!("    {reason}"));
            }
        }
        Ok(())
    }

    async fn replay(&self, endpoint: &str, messages: &[String], output: &mut Output) -> anyhow::Result<()> {
        let endpoint = self.find(endpoint).await?;
        let parse = |text: &String| {
            let id = text.strip_prefix("msg_").and_then(|id| Uuid::parse_str(id).ok());
            id.ok_or_else(|| BadUse(format!("`{text}` is no webhook-id: expected msg_ and what follows it")))
        };
        let which = match messages {
            [] => Replay::Dead,
            messages => Replay::These(messages.iter().map(parse).collect::<Result<_, _>>()?),
        };
        let transaction = self.db.begin().await?;
        let due = webhooks::replay(&transaction, endpoint.id, &which, self.clock.now()).await?;
        self.note(&transaction, endpoint.id, json!({ "replayed": due })).await?;
        transaction.commit().await?;
        output.line(format!("{due} messages are due again"));
        if endpoint.status != WebhookEndpointStatus::Active {
            output.line(format!("but the endpoint is {}: resume it first", endpoint.status.code()));
        }
        Ok(())
    }

    async fn switch(&self, endpoint: &str, status: WebhookEndpointStatus, output: &mut Output) -> anyhow::Result<()> {
        use webhook_endpoint::Column;
        let (endpoint, now) = (self.find(endpoint).await?, self.clock.now());
        let reason = (status == WebhookEndpointStatus::Paused).then(|| "An operator of the hub paused it.".to_owned());
        let transaction = self.db.begin().await?;
        webhook_endpoint::Entity::update_many()
            .col_expr(Column::Status, Expr::value(status))
            .col_expr(Column::StatusReason, Expr::value(reason))
            .col_expr(Column::StatusAt, Expr::value(now))
            .col_expr(Column::FailingSince, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
            .col_expr(Column::NotBefore, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
            .filter(Column::Id.eq(endpoint.id))
            .exec(&transaction)
            .await?;
        self.note(&transaction, endpoint.id, json!({ "status": status.code() })).await?;
        transaction.commit().await?;
        output.line(format!("{} is {}", name(endpoint.id), status.code()));
        Ok(())
    }

    async fn find(&self, id: &str) -> anyhow::Result<webhook_endpoint::Model> {
        let wrong = || BadUse(format!("there is no endpoint `{id}`: `hub webhooks list` names them"));
        let id = GlobalId::parse(id).ok().and_then(|id| id.uuid_of(Kind::WebhookEndpoint)).ok_or_else(wrong)?;
        let found = webhook_endpoint::Entity::find_by_id(id).one(self.db).await.context("endpoints cannot be read")?;
        Ok(found.ok_or_else(wrong)?)
    }

    /// Gives account of what an operator did at this machine.
    async fn note(&self, db: &impl sea_orm::ConnectionTrait, endpoint: Uuid, mut details: Value) -> anyhow::Result<()> {
        details["webhook"] = json!(name(endpoint));
        let deed = Deed {
            activity: scope::WEBHOOKS_WRITE,
            action: AuditAction::Updated,
            status: AuditStatus::Ok,
            record: None,
            details: Some(details),
        };
        let actor = Actor { client: Some("hub webhooks".to_owned()), ..Actor::default() };
        audit::append(db, &[deed.by(&actor, self.clock.now(), self.register)]).await?;
        Ok(())
    }
}

fn name(endpoint: Uuid) -> String {
    GlobalId::new(Kind::WebhookEndpoint, endpoint).to_string()
}
