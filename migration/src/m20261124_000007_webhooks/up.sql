CREATE TABLE webhook_endpoint (
    id {uuid} PRIMARY KEY,
    partner_id {uuid} NOT NULL REFERENCES partner (id),
    url {text} NOT NULL,
    description {text},
    selections {json} NOT NULL,
    scopes {json} NOT NULL,
    status {text} NOT NULL,
    status_reason {text},
    status_at {instant} NOT NULL,
    failing_since {instant},
    not_before {instant},
    position BIGINT NOT NULL,
    version INTEGER NOT NULL,
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL
);
CREATE INDEX webhook_endpoint_by_partner ON webhook_endpoint (partner_id);
CREATE INDEX webhook_endpoint_by_position ON webhook_endpoint (status, position);

CREATE TABLE webhook_secret (
    id {uuid} PRIMARY KEY,
    endpoint_id {uuid} NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    sealed {bytes} NOT NULL,
    created_at {instant} NOT NULL,
    ends_at {instant}
);
CREATE INDEX webhook_secret_by_endpoint ON webhook_secret (endpoint_id, created_at);

CREATE TABLE webhook_delivery (
    id {uuid} PRIMARY KEY,
    endpoint_id {uuid} NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event {text} NOT NULL,
    sequence BIGINT NOT NULL,
    action {text} NOT NULL,
    record_type {text} NOT NULL,
    record_id {uuid} NOT NULL,
    offers {json} NOT NULL,
    happened_at {instant} NOT NULL,
    status {text} NOT NULL,
    status_reason {text},
    attempts INTEGER NOT NULL,
    next_at {instant} NOT NULL,
    claim {uuid},
    claimed_until {instant},
    ended_at {instant},
    created_at {instant} NOT NULL
);
CREATE UNIQUE INDEX webhook_delivery_once ON webhook_delivery (endpoint_id, event, record_id, sequence);
CREATE INDEX webhook_delivery_by_due ON webhook_delivery (status, endpoint_id, next_at);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (endpoint_id, created_at);
CREATE INDEX webhook_delivery_by_age ON webhook_delivery (created_at);
CREATE INDEX webhook_delivery_by_claim ON webhook_delivery (claim);

CREATE TABLE webhook_attempt (
    id {number},
    delivery_id {uuid} NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
    at {instant} NOT NULL,
    status_code INTEGER,
    error {text},
    duration_ms INTEGER NOT NULL
);
CREATE INDEX webhook_attempt_by_delivery ON webhook_attempt (delivery_id, id);
