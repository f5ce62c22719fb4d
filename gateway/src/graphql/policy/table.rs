//! Every field of the schema, and who may read it. A field that is not here fails the test below: whoever adds one says
//! what it is.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

use super::{Rule, Rules, one};
use crate::auth::scope;

/// Who may read a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Everybody who may see the record it is on.
    Public,
    /// Everybody; it gives the records that the viewer may see, and counts no others.
    Rows,
    /// Who holds the scope, of records in which they have a stake.
    Own(&'static str),
    /// Who holds the scope.
    Scope(&'static str),
}

const PUBLIC: Access = Access::Public;
const ROWS: Access = Access::Rows;
const OWN: Access = Access::Own(scope::ALLIANCE_READ);
const WEBHOOKS: Access = Access::Scope(scope::WEBHOOKS_READ);
const SYNC: Access = Access::Scope(scope::SYNC_READ);

/// Type, access, fields. Pages and their edges are in [`of_page`].
const TABLE: &[(&str, Access, &str)] = &[
    ("Address", PUBLIC, "street houseNumber postcode city"),
    ("CommitmentPayload", PUBLIC, "commitment userErrors"),
    ("Capacity", PUBLIC, "amount unit remaining"),
    ("Change", PUBLIC, "cursor sequence at action recordType recordId source"),
    ("Change", ROWS, "record"),
    (
        "Commitment",
        PUBLIC,
        "id partner school title status capacity startsOn endsOn isOverdue history createdAt updatedAt \
         version provenance",
    ),
    ("Commitment", ROWS, "need offer"),
    ("CommitmentStep", PUBLIC, "status at by note"),
    ("Contact", PUBLIC, "name email phone"),
    ("EducationSystem", PUBLIC, "country elements name"),
    ("EducationSystemElement", PUBLIC, "element text"),
    (
        "HousingEligibility",
        PUBLIC,
        "teachersOnly minimumFte minimumHoursPerWeek maximumIncome minimumIncome startersOnly viaEmployer \
         maximumDistanceKm notes",
    ),
    (
        "HousingOption",
        PUBLIC,
        "id title municipality neighbourhood address location type segment status homes rentPerMonth \
         serviceCosts floorAreaM2 rooms availableFrom respondBefore contractMonths eligibility provider \
         scheme applyUrl version provenance",
    ),
    (
        "HousingScheme",
        PUBLIC,
        "id name municipality status validFrom validUntil quota used segments eligibility registrationUrl \
         informationUrl version provenance",
    ),
    (
        "Initiative",
        PUBLIC,
        "id slug name municipality region themes summary startingPoints conditions effects partners schools",
    ),
    ("Location", PUBLIC, "latitude longitude"),
    ("MatchReason", PUBLIC, "criterion score weight explanation"),
    ("Money", PUBLIC, "amount currency"),
    ("Mutation", Access::Scope(scope::COMMITMENTS_WRITE), "proposeCommitment setCommitmentStatus"),
    ("Mutation", Access::Scope(scope::HOUSING_WRITE), "upsertHousingOptions upsertHousingSchemes"),
    ("Mutation", Access::Scope(scope::NEEDS_WRITE), "createNeed updateNeed setNeedStatus"),
    ("Mutation", Access::Scope(scope::OFFERS_WRITE), "upsertOffers withdrawOffers"),
    ("Mutation", Access::Scope(scope::SYNC_RUN), "startSync"),
    (
        "Mutation",
        Access::Scope(scope::WEBHOOKS_WRITE),
        "createWebhookEndpoint updateWebhookEndpoint rotateWebhookSecret deleteWebhookEndpoint replayWebhookDeliveries",
    ),
    ("Municipality", PUBLIC, "id code name isG4 region schools housingSchemes coverage"),
    ("Municipality", ROWS, "housingOptions"),
    (
        "Need",
        PUBLIC,
        "id school title description themes supportKinds barriers urgency status fteAsked hoursPerWeekAsked \
         startsOn endsOn suggestedOffers createdAt updatedAt version provenance",
    ),
    ("NeedMatch", PUBLIC, "need score reasons distanceKm"),
    ("Need", ROWS, "commitments"),
    ("Need", OWN, "contact"),
    ("NeedPayload", PUBLIC, "need userErrors"),
    ("Node", PUBLIC, "id"),
    (
        "Offer",
        PUBLIC,
        "id externalId partner title description themes supportKinds inputs status coverage capacity startsOn \
         endsOn requiresVog vogInOrder languages suggestedNeeds createdAt updatedAt version provenance",
    ),
    ("OfferMatch", PUBLIC, "offer score reasons distanceKm"),
    ("OfferCoverage", PUBLIC, "national municipalities regions centre radiusKm"),
    ("PageInfo", PUBLIC, "hasNextPage hasPreviousPage startCursor endCursor"),
    ("Partner", PUBLIC, "id name kind kvk website description provenance"),
    ("Partner", ROWS, "offers commitments"),
    ("Partner", OWN, "contact"),
    ("Provenance", PUBLIC, "source externalId firstSeenAt lastSeenAt lastChangedAt isStale"),
    (
        "Query",
        PUBLIC,
        "school schools schoolBoard schoolBoards municipality municipalities partner partners housingSchemes \
         initiatives educationSystems themes supportKinds sources source viewer",
    ),
    ("Query", ROWS, "node nodes needs offers commitments housingOptions search changes"),
    ("RateLimit", PUBLIC, "limit remaining resetAt cost"),
    ("Refusal", SYNC, "id stream externalId reasons firstSeenAt lastSeenAt payload"),
    ("Region", PUBLIC, "slug name isShrinking expectedShortage"),
    (
        "School",
        PUBLIC,
        "id brin name address location denomination pupils disadvantageScore website board municipality \
         committedPartners housingSchemes initiatives summary provenance",
    ),
    ("School", ROWS, "needs commitments housingOptions"),
    ("SchoolBoard", PUBLIC, "id number name schools coverage provenance"),
    (
        "SchoolSummary",
        PUBLIC,
        "openNeeds committedNeeds unmetNeeds committedPartners availableHomes overdueCommitments",
    ),
    ("Source", PUBLIC, "id name connector kind health lastSucceededAt nextRunAt recordCount refusedCount"),
    ("Source", SYNC, "runs refusals"),
    (
        "Subgraph",
        SYNC,
        "name url state schemaHash liveSince fetchedAt fetchError compositionError breaker subscriptionBreaker",
    ),
    ("Sourced", PUBLIC, "provenance"),
    ("StartSyncPayload", PUBLIC, "run userErrors"),
    ("Subscription", ROWS, "changes schoolChanged"),
    ("Subscription", SYNC, "syncRuns"),
    ("SupportKindInfo", PUBLIC, "supportKind label"),
    (
        "SyncRun",
        SYNC,
        "id source status mode startedAt finishedAt read created updated unchanged deleted refused error",
    ),
    ("TeacherShortage", PUBLIC, "year fte"),
    ("ThemeCoverage", PUBLIC, "theme openNeeds committedNeeds unmetNeeds publishedOffers"),
    ("ThemeInfo", PUBLIC, "theme label description openNeeds"),
    ("UpsertHousingOptionsPayload", PUBLIC, "housingOptions results userErrors"),
    ("UpsertHousingSchemesPayload", PUBLIC, "housingSchemes results userErrors"),
    ("UpsertOffersPayload", PUBLIC, "offers results userErrors"),
    ("UpsertResult", PUBLIC, "externalId outcome record userErrors"),
    ("UserError", PUBLIC, "field message code"),
    ("Viewer", PUBLIC, "isAuthenticated subject client organisation organisationKind scopes rateLimit"),
    ("DeleteWebhookEndpointPayload", PUBLIC, "deletedId userErrors"),
    ("ReplayWebhookDeliveriesPayload", PUBLIC, "endpoint userErrors"),
    ("Query", SYNC, "subgraphs"),
    ("Query", WEBHOOKS, "webhookEndpoints webhookEndpoint"),
    ("WebhookAttempt", PUBLIC, "at statusCode error durationMs"),
    (
        "WebhookDelivery",
        PUBLIC,
        "id messageId event recordType recordId action happenedAt status statusReason nextAttemptAt endedAt attempts \
         createdAt",
    ),
    (
        "WebhookEndpoint",
        PUBLIC,
        "id partner url description selections scopes status statusReason statusAt failingSince secrets deliveries \
         createdAt updatedAt version",
    ),
    ("WebhookEndpointPayload", PUBLIC, "endpoint userErrors"),
    ("WebhookSecret", PUBLIC, "createdAt endsAt"),
    ("WebhookSecretPayload", PUBLIC, "endpoint secret userErrors"),
    ("WebhookSelection", PUBLIC, "event query"),
    ("WithdrawOffersPayload", PUBLIC, "offers userErrors"),
];

/// The fields of pages and edges: they give what the list they are of gives.
fn of_page(type_name: &str) -> Option<&'static str> {
    match type_name {
        "CommittedPartnerEdge" => Some("cursor node commitments"),
        "SearchEdge" => Some("cursor node score"),
        "SchoolHousingEdge" => Some("cursor node distanceKm"),
        _ if type_name.ends_with("Connection") => Some("edges nodes pageInfo totalCount"),
        _ if type_name.ends_with("Edge") => Some("cursor node"),
        _ => None,
    }
}

/// The fields of each type, as the schema has them.
fn fields() -> BTreeMap<String, BTreeSet<String>> {
    let document = parse_schema(crate::graphql::sdl()).unwrap();
    let of_type = |definition| {
        let TypeSystemDefinition::Type(definition) = definition else { return None };
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => return None,
        };
        let names = fields.into_iter().map(|field| field.node.name.node.to_string()).collect();
        Some((definition.node.name.node.to_string(), names))
    };
    document.definitions.into_iter().filter_map(of_type).collect()
}

#[test]
fn every_field_has_its_line_and_every_line_its_field() {
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (type_name, _, names) in TABLE {
        for name in names.split_whitespace() {
            let is_new = said.entry((*type_name).to_owned()).or_default().insert(name.to_owned());
            assert!(is_new, "{type_name}.{name} has two lines");
        }
    }
    for (type_name, fields) in fields() {
        let said = match of_page(&type_name) {
            Some(names) => names.split_whitespace().map(str::to_owned).collect(),
            None => said.remove(&type_name).unwrap_or_default(),
        };
        let unsaid: Vec<_> = fields.difference(&said).collect();
        assert!(unsaid.is_empty(), "who may read {type_name} {unsaid:?}? Say so in policy/table.rs");
        let gone: Vec<_> = said.difference(&fields).collect();
        assert!(gone.is_empty(), "{type_name} has no field {gone:?} any more");
    }
    assert!(said.is_empty(), "there are no such types any more: {:?}", said.keys());
}

#[test]
fn what_the_schema_declares_is_what_the_table_says() {
    let rules = Rules::of(&crate::graphql::sdl());
    let mut declared: BTreeSet<(String, String)> = BTreeSet::new();
    for (type_name, fields) in &rules.rules {
        declared.extend(fields.keys().map(|field| (type_name.to_string(), field.to_string())));
    }
    for (type_name, access, names) in TABLE {
        for name in names.split_whitespace() {
            let expected = match access {
                Access::Public | Access::Rows => None,
                Access::Own(scope) | Access::Scope(scope) => Some(Rule { authenticated: true, scopes: one(scope) }),
            };
            assert_eq!(rules.get(type_name, name), expected.as_ref(), "{type_name}.{name}");
            declared.remove(&((*type_name).to_owned(), name.to_owned()));
        }
    }
    assert!(declared.is_empty(), "guarded, and not in the table: {declared:?}");
}
