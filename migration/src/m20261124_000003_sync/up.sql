ALTER TABLE source ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;

ALTER TABLE sync_run ADD COLUMN drift {json};

ALTER TABLE checkpoint ADD COLUMN mapping_version BIGINT;

CREATE TABLE stream_shape (
    source_id {text} NOT NULL REFERENCES source (id),
    stream {text} NOT NULL,
    records BIGINT NOT NULL CHECK (records >= 0),
    fields {json} NOT NULL,
    learned_at {instant} NOT NULL,
    PRIMARY KEY (source_id, stream)
);
