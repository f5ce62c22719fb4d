ALTER TABLE claim ADD COLUMN status_at {instant};

CREATE INDEX claim_by_external_id ON claim (external_id);

CREATE TABLE idempotency_key (
    organisation {text} NOT NULL,
    client {text} NOT NULL,
    key {text} NOT NULL,
    place {text} NOT NULL,
    input_hash {bytes} NOT NULL,
    answer {json},
    created_at {instant} NOT NULL,
    PRIMARY KEY (organisation, client, key, place)
);
CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);

CREATE TABLE audit_entry (
    id {number},
    at {instant} NOT NULL,
    trace_id {text} NOT NULL,
    span_id {text} NOT NULL,
    parent_span_id {text},
    processing_activity {text} NOT NULL,
    action {text} NOT NULL,
    status {text} NOT NULL,
    subject {text},
    client {text},
    organisation {text},
    address {text},
    record_type {text},
    record_id {uuid},
    details {json}
);
CREATE INDEX audit_entry_by_age ON audit_entry (at, id);
CREATE INDEX audit_entry_by_record ON audit_entry (record_id, id);
CREATE INDEX audit_entry_by_organisation ON audit_entry (organisation, id);

CREATE TABLE audit_retention (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ends_before {instant}
);
INSERT INTO audit_retention (id, ends_before) VALUES (1, NULL);
