ALTER TABLE change ADD COLUMN need_id {uuid};

CREATE TABLE store_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity {text} NOT NULL,
    reference_version BIGINT NOT NULL
);
