CREATE TABLE source_grant (
    source_id {text} PRIMARY KEY REFERENCES source (id),
    state {text} NOT NULL,
    refresh_token {bytes} NOT NULL,
    previous_refresh_token {bytes},
    access_token {bytes},
    renew_at {instant},
    version BIGINT NOT NULL,
    lease_holder {uuid},
    lease_until {instant},
    scopes {text},
    connected_by {text} NOT NULL,
    connected_at {instant} NOT NULL,
    refreshed_at {instant} NOT NULL
);
