//! The root of all writing.
//!
//! # To add a mutation
//! Its input in the file of its record in `mutation/`, with a [`Work`](writing::Work) that says what it does in one
//! transaction; its method here. Who asks, keys for sending again, the audit trail, retries and who listens are seen to
//! in [`writing`] for all of them.

mod answer;
mod author;
mod checks;
mod commitment;
mod housing_option;
mod housing_scheme;
mod idempotency;
mod input;
mod need;
mod offer;
mod sync;
mod webhook;
mod writing;

use async_graphql::{Context, Object};

pub(in crate::graphql) use self::author::find_partner;
use self::commitment::{CommitmentPayload, ProposeCommitmentInput, SetCommitmentStatusInput};
use self::housing_option::{UpsertHousingOptionsInput, UpsertHousingOptionsPayload};
use self::housing_scheme::{UpsertHousingSchemesInput, UpsertHousingSchemesPayload};
use self::need::{CreateNeedInput, NeedPayload, SetNeedStatusInput, UpdateNeedInput};
use self::offer::{UpsertOffersInput, UpsertOffersPayload, WithdrawOffersInput, WithdrawOffersPayload};
pub use self::sync::Syncs;
use self::sync::{StartSyncInput, StartSyncPayload};
use self::webhook::{
    CreateWebhookEndpointInput, DeleteWebhookEndpointInput, DeleteWebhookEndpointPayload, ReplayWebhookDeliveriesInput,
    ReplayWebhookDeliveriesPayload, RotateWebhookSecretInput, UpdateWebhookEndpointInput, WebhookEndpointPayload,
    WebhookSecretPayload,
};
pub(crate) use self::writing::Line;
pub use self::writing::Writes;
use super::policy::{authenticated, one, requires_scopes};
use crate::auth::scope;
use crate::cache::SOURCES_HOLD;
use crate::error::Result;

/// What can be written.
pub(crate) struct Mutation;

/// What can be written. Every mutation takes an `Idempotency-Key` header, or `idempotencyKey` in its input: sent again
/// with the same key and input, it answers the same and does nothing more.
#[Object]
impl Mutation {
    /// Asks for help in the name of a school (hulpvraag). For school boards, for their own schools; scope needs:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::NEEDS_WRITE)))]
    async fn create_need(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: CreateNeedInput,
    ) -> Result<NeedPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Changes what a need says: the fields that are given. Null takes back what was said through the hub; where the
    /// board's own system tells of the field, that stands then. For school boards; scope needs:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::NEEDS_WRITE)))]
    async fn update_need(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: UpdateNeedInput,
    ) -> Result<NeedPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Moves a need along its life cycle; a step the life cycle does not have is a user error. Whether an open need is
    /// partly or wholly committed follows from its commitments by itself. For school boards; scope needs:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::NEEDS_WRITE)))]
    async fn set_need_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: SetNeedStatusInput,
    ) -> Result<NeedPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Makes or changes a partner's own offers (aanbod), up to 500 a call, each by its own external id: sending the
    /// same again changes nothing, and one bad record does not stop the rest. An offer that the hub also reads from the
    /// partner's system under that id is the same offer. Scope offers:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::OFFERS_WRITE)))]
    async fn upsert_offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: UpsertOffersInput,
    ) -> Result<UpsertOffersPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Ends a partner's own offers. What is committed from them stands. Scope offers:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::OFFERS_WRITE)))]
    async fn withdraw_offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: WithdrawOffersInput,
    ) -> Result<WithdrawOffersPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Proposes a commitment (toezegging) to a school, or to one of its needs. For partners; scope commitments:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::COMMITMENTS_WRITE)))]
    async fn propose_commitment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: ProposeCommitmentInput,
    ) -> Result<CommitmentPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Moves a commitment along its life cycle. The partner activates, completes and withdraws; the school's board
    /// accepts, declines, confirms what was delivered, or says that it was broken. Scope commitments:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::COMMITMENTS_WRITE)))]
    async fn set_commitment_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: SetCommitmentStatusInput,
    ) -> Result<CommitmentPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Makes or changes homes for teachers (lerarenwoningen), up to 500 a call, as `upsertOffers` does. For
    /// municipalities in their own municipality, and for partners that let homes; scope housing:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::HOUSING_WRITE)))]
    async fn upsert_housing_options(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: UpsertHousingOptionsInput,
    ) -> Result<UpsertHousingOptionsPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Makes or changes priority schemes (voorrangsregelingen), up to 500 a call, as `upsertOffers` does. For
    /// municipalities; scope housing:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::HOUSING_WRITE)))]
    async fn upsert_housing_schemes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: UpsertHousingSchemesInput,
    ) -> Result<UpsertHousingSchemesPayload> {
        writing::once(ctx, &input).await?.into_payload(ctx).await
    }

    /// Reads a source now. For operators; scope sync:run.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_RUN)))]
    async fn start_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: StartSyncInput,
    ) -> Result<StartSyncPayload> {
        let started = sync::start(ctx, input).await;
        // Until no replica says of the source what it said before: whoever started the run looks at it next.
        tokio::time::sleep(SOURCES_HOLD).await;
        started
    }

    /// Registers an endpoint of a partner's own system, which then hears of needs that fit its offers and of changes in
    /// its commitments, by messages as Standard Webhooks says. What it hears is the answer to a query of its own, with
    /// the rights of this token's scopes. The secret that messages are signed with is shown here and never again. For
    /// partners; scope webhooks:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::WEBHOOKS_WRITE)))]
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: CreateWebhookEndpointInput,
    ) -> Result<WebhookSecretPayload> {
        webhook::create(ctx, input).await
    }

    /// Changes an endpoint, pauses it, or switches it on again. From then on it is answered with the rights of this
    /// token's scopes. For partners; scope webhooks:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::WEBHOOKS_WRITE)))]
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: UpdateWebhookEndpointInput,
    ) -> Result<WebhookEndpointPayload> {
        webhook::update(ctx, input).await
    }

    /// Gives an endpoint a new secret. That of before signs beside it for a while, so that each message has two
    /// signatures and a receiver can change over in between. For partners; scope webhooks:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::WEBHOOKS_WRITE)))]
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: RotateWebhookSecretInput,
    ) -> Result<WebhookSecretPayload> {
        webhook::rotate(ctx, input).await
    }

    /// Takes an endpoint away, with its messages. For partners; scope webhooks:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::WEBHOOKS_WRITE)))]
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: DeleteWebhookEndpointInput,
    ) -> Result<DeleteWebhookEndpointPayload> {
        webhook::delete(ctx, input).await
    }

    /// Sends messages again under the same `webhook-id`: all dead letters of an endpoint, or those that are named. Each
    /// is read anew, and tells what is so now. For partners; scope webhooks:write.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::WEBHOOKS_WRITE)))]
    async fn replay_webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done, and with what.")] input: ReplayWebhookDeliveriesInput,
    ) -> Result<ReplayWebhookDeliveriesPayload> {
        webhook::replay(ctx, input).await
    }
}
