//! What mutations of webhooks take and answer.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::webhook_endpoint::WebhookEvent;

use crate::graphql::items::Items;
use crate::graphql::mutation::answer::UserError;
use crate::graphql::types::webhook::WebhookEndpoint;
use crate::graphql::vocabulary::Term;

/// What an endpoint is to hear of one event.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct WebhookSelectionInput {
    /// Of what.
    pub event: Term<WebhookEvent>,
    /// A GraphQL query whose answer is a message's `data`. It has the variable `$id: ID!`, the global id of the record
    /// that the message is about; for `NEED_FITS` it may have `$offers: [ID!]!` as well, the ids of the offers that fit.
    pub query: String,
}

/// An endpoint to be registered.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct CreateWebhookEndpointInput {
    /// Where messages go: an `https:` address that is public.
    pub url: String,
    /// What you call it.
    pub description: Option<String>,
    /// What it is to hear, each event once.
    pub selections: Vec<WebhookSelectionInput>,
    /// Your key for sending this again, where the header cannot be set.
    pub idempotency_key: Option<String>,
}

/// What is to be changed of an endpoint: the fields that are given.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct UpdateWebhookEndpointInput {
    /// The endpoint.
    pub id: ID,
    /// Refuses the change where somebody has changed it since this version.
    pub expected_version: Option<i32>,
    /// Where messages go.
    pub url: Option<String>,
    /// What you call it; empty: nothing.
    pub description: Option<String>,
    /// What it is to hear, instead of all it heard before.
    pub selections: Option<Vec<WebhookSelectionInput>>,
    /// Whether it rests. `false` switches it on again, also where the hub switched it off: it then hears of everything
    /// that it missed.
    pub paused: Option<bool>,
    /// Your key for sending this again, where the header cannot be set.
    pub idempotency_key: Option<String>,
}

/// A secret that is to be replaced.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct RotateWebhookSecretInput {
    /// The endpoint.
    pub id: ID,
    /// For how many hours the secret of before signs as well, beside the new one; 0: not at all. As the hub's operator
    /// has set it where absent.
    pub overlap_hours: Option<i32>,
    /// Your key for sending this again, where the header cannot be set.
    pub idempotency_key: Option<String>,
}

/// An endpoint that is to be taken away.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct DeleteWebhookEndpointInput {
    /// The endpoint.
    pub id: ID,
    /// Your key for sending this again, where the header cannot be set.
    pub idempotency_key: Option<String>,
}

/// Messages that are to be sent again.
#[derive(Clone, Debug, InputObject)]
pub(crate) struct ReplayWebhookDeliveriesInput {
    /// The endpoint.
    pub endpoint: ID,
    /// Which of its messages, whatever became of them; all its dead letters where absent.
    pub deliveries: Option<Vec<ID>>,
    /// Your key for sending this again, where the header cannot be set.
    pub idempotency_key: Option<String>,
}

/// An endpoint with a secret that is new.
#[derive(SimpleObject)]
pub(crate) struct WebhookSecretPayload {
    /// The endpoint; null where nothing was done.
    pub endpoint: Option<WebhookEndpoint>,
    /// The secret (`whsec_…`) that its messages are signed with. It is shown here and never again: keep it.
    pub secret: Option<String>,
    /// What is wrong with the input; empty where it was done.
    pub user_errors: Items<UserError>,
}

/// What became of an endpoint.
#[derive(SimpleObject)]
pub(crate) struct WebhookEndpointPayload {
    /// The endpoint as it stands; null where nothing was done.
    pub endpoint: Option<WebhookEndpoint>,
    /// What is wrong with the input; empty where it was done.
    pub user_errors: Items<UserError>,
}

/// What became of an endpoint that was to be taken away.
#[derive(SimpleObject)]
pub(crate) struct DeleteWebhookEndpointPayload {
    /// The endpoint that was; null where nothing was done.
    pub deleted_id: Option<ID>,
    /// What is wrong with the input; empty where it was done.
    pub user_errors: Items<UserError>,
}

/// What became of messages that were to be sent again.
#[derive(SimpleObject)]
pub(crate) struct ReplayWebhookDeliveriesPayload {
    /// The endpoint; null where nothing was done.
    pub endpoint: Option<WebhookEndpoint>,
    /// What is wrong with the input; empty where they are due.
    pub user_errors: Items<UserError>,
}
