CREATE TABLE subgraph (
    name {text} PRIMARY KEY,
    url {text} NOT NULL,
    sdl {text},
    live_since {instant},
    problem {text},
    looked_at {instant} NOT NULL
);
