CREATE TABLE source (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    connector TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    every_secs BIGINT NOT NULL,
    fresh_for_secs BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    last_succeeded_at {instant},
    last_status TEXT,
    next_run_at {instant},
    lease_owner TEXT,
    lease_until {instant},
    fence BIGINT NOT NULL
);

CREATE TABLE sync_run (
    id {uuid} PRIMARY KEY,
    source_id TEXT NOT NULL REFERENCES source (id),
    status TEXT NOT NULL,
    mode TEXT NOT NULL,
    started_at {instant} NOT NULL,
    finished_at {instant},
    read INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    error TEXT
);
CREATE INDEX sync_run_by_source ON sync_run (source_id, started_at);
CREATE UNIQUE INDEX sync_run_one_at_a_time ON sync_run (source_id) WHERE status = 'RUNNING';

CREATE TABLE checkpoint (
    source_id TEXT NOT NULL REFERENCES source (id),
    stream TEXT NOT NULL,
    page_token TEXT,
    mode TEXT,
    reading_since {instant},
    reading_watermark {instant},
    seen {bytes},
    watermark {instant},
    confirmed_at {instant},
    full_at {instant},
    PRIMARY KEY (source_id, stream)
);

CREATE TABLE refusal (
    id {uuid} PRIMARY KEY,
    source_id TEXT NOT NULL REFERENCES source (id),
    stream TEXT NOT NULL,
    record_key TEXT NOT NULL,
    external_id TEXT,
    reasons {json} NOT NULL,
    awaits_reference BOOLEAN NOT NULL,
    payload TEXT,
    first_seen_at {instant} NOT NULL,
    last_seen_at {instant} NOT NULL,
    UNIQUE (source_id, stream, record_key)
);

CREATE TABLE claim (
    id {number},
    source_id TEXT NOT NULL REFERENCES source (id),
    stream TEXT NOT NULL,
    record_type TEXT NOT NULL,
    external_id TEXT NOT NULL,
    record_id {uuid} NOT NULL,
    content_hash {bytes} NOT NULL,
    content {json} NOT NULL,
    first_seen_at {instant} NOT NULL,
    changed_at {instant} NOT NULL,
    deleted_at {instant},
    UNIQUE (source_id, record_type, external_id)
);
CREATE INDEX claim_by_record ON claim (record_id);
CREATE INDEX claim_by_stream ON claim (source_id, stream, id) WHERE deleted_at IS NULL;

CREATE TABLE journal_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);
INSERT INTO journal_head (id, sequence) VALUES (1, 0);

CREATE TABLE change (
    sequence BIGINT PRIMARY KEY,
    at {instant} NOT NULL,
    action TEXT NOT NULL,
    record_type TEXT NOT NULL,
    record_id {uuid} NOT NULL,
    source_id TEXT,
    school_id {uuid},
    municipality_code TEXT,
    partner_id {uuid}
);
CREATE INDEX change_by_school ON change (school_id, sequence);
CREATE INDEX change_by_record ON change (record_id, sequence);

CREATE TABLE theme (
    code TEXT PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    label_nl TEXT NOT NULL,
    label_en TEXT NOT NULL,
    description_nl TEXT NOT NULL,
    description_en TEXT NOT NULL
);

CREATE TABLE support_kind (
    code TEXT PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    label_nl TEXT NOT NULL,
    label_en TEXT NOT NULL
);

CREATE TABLE region (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    is_shrinking BOOLEAN NOT NULL
);

CREATE TABLE region_shortage (
    region_slug TEXT NOT NULL REFERENCES region (slug),
    year INTEGER NOT NULL,
    fte DOUBLE PRECISION NOT NULL CHECK (fte >= 0),
    PRIMARY KEY (region_slug, year)
);

CREATE TABLE municipality (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    is_g4 BOOLEAN NOT NULL,
    region_slug TEXT REFERENCES region (slug),
    priority INTEGER NOT NULL
);
CREATE INDEX municipality_by_name ON municipality (name, code);
CREATE INDEX municipality_by_region ON municipality (region_slug);

CREATE TABLE school_board (
    id {uuid} PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kvk TEXT,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX school_board_by_name ON school_board (name, id);

CREATE TABLE school (
    id {uuid} PRIMARY KEY,
    brin TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    street TEXT,
    house_number TEXT,
    postcode TEXT,
    city TEXT,
    latitude DOUBLE PRECISION CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION CHECK (longitude BETWEEN -180 AND 180),
    geo_x DOUBLE PRECISION,
    geo_y DOUBLE PRECISION,
    geo_z DOUBLE PRECISION,
    denomination TEXT,
    pupils INTEGER CHECK (pupils >= 0),
    disadvantage_score DOUBLE PRECISION,
    website TEXT,
    school_board_id {uuid} REFERENCES school_board (id),
    municipality_code TEXT REFERENCES municipality (code),
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX school_by_name ON school (name, id);
CREATE INDEX school_by_municipality ON school (municipality_code, name, id);
CREATE INDEX school_by_board ON school (school_board_id, name, id);
CREATE INDEX school_by_latitude ON school (latitude);

CREATE TABLE partner (
    id {uuid} PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    kvk TEXT UNIQUE,
    website TEXT,
    description TEXT,
    contact_name TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX partner_by_name ON partner (name, id);

CREATE TABLE need (
    id {uuid} PRIMARY KEY,
    school_id {uuid} NOT NULL REFERENCES school (id),
    title TEXT NOT NULL,
    description TEXT,
    themes INTEGER NOT NULL CHECK (themes BETWEEN 0 AND 1023),
    support_kinds INTEGER NOT NULL CHECK (support_kinds BETWEEN 0 AND 511),
    barriers INTEGER NOT NULL CHECK (barriers BETWEEN 0 AND 1023),
    urgency SMALLINT NOT NULL CHECK (urgency BETWEEN 1 AND 4),
    status TEXT NOT NULL,
    fte_asked DOUBLE PRECISION CHECK (fte_asked >= 0),
    hours_per_week_asked DOUBLE PRECISION CHECK (hours_per_week_asked >= 0),
    starts_on DATE,
    ends_on DATE,
    contact_name TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant},
    UNIQUE (id, school_id)
);
CREATE INDEX need_by_school ON need (school_id, created_at, id);
CREATE INDEX need_by_creation ON need (created_at, id);
CREATE INDEX need_by_update ON need (updated_at, id);
CREATE INDEX need_by_urgency ON need (urgency, id);
CREATE INDEX need_by_external_id ON need (external_id);

CREATE TABLE offer (
    id {uuid} PRIMARY KEY,
    partner_id {uuid} NOT NULL REFERENCES partner (id),
    title TEXT NOT NULL,
    description TEXT,
    themes INTEGER NOT NULL CHECK (themes BETWEEN 0 AND 1023),
    support_kinds INTEGER NOT NULL CHECK (support_kinds BETWEEN 0 AND 511),
    inputs INTEGER NOT NULL CHECK (inputs BETWEEN 0 AND 63),
    status TEXT NOT NULL,
    "national" BOOLEAN NOT NULL,
    latitude DOUBLE PRECISION CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION CHECK (longitude BETWEEN -180 AND 180),
    geo_x DOUBLE PRECISION,
    geo_y DOUBLE PRECISION,
    geo_z DOUBLE PRECISION,
    radius_km DOUBLE PRECISION CHECK (radius_km >= 0),
    capacity_amount DOUBLE PRECISION CHECK (capacity_amount >= 0),
    capacity_unit TEXT,
    starts_on DATE,
    ends_on DATE,
    requires_vog BOOLEAN NOT NULL,
    vog_in_order BOOLEAN,
    languages {json} NOT NULL,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant},
    UNIQUE (id, partner_id),
    UNIQUE (partner_id, external_id)
);
CREATE INDEX offer_by_creation ON offer (created_at, id);
CREATE INDEX offer_by_update ON offer (updated_at, id);
CREATE INDEX offer_by_status ON offer (status, created_at, id);

CREATE TABLE offer_municipality (
    offer_id {uuid} NOT NULL REFERENCES offer (id) ON DELETE CASCADE,
    municipality_code TEXT NOT NULL REFERENCES municipality (code),
    PRIMARY KEY (offer_id, municipality_code)
);
CREATE INDEX offer_municipality_by_municipality ON offer_municipality (municipality_code, offer_id);

CREATE TABLE offer_region (
    offer_id {uuid} NOT NULL REFERENCES offer (id) ON DELETE CASCADE,
    region_slug TEXT NOT NULL REFERENCES region (slug),
    PRIMARY KEY (offer_id, region_slug)
);
CREATE INDEX offer_region_by_region ON offer_region (region_slug, offer_id);

CREATE TABLE commitment (
    id {uuid} PRIMARY KEY,
    partner_id {uuid} NOT NULL REFERENCES partner (id),
    school_id {uuid} NOT NULL REFERENCES school (id),
    need_id {uuid},
    offer_id {uuid},
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    capacity_amount DOUBLE PRECISION CHECK (capacity_amount >= 0),
    capacity_unit TEXT,
    starts_on DATE,
    ends_on DATE,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant},
    FOREIGN KEY (need_id, school_id) REFERENCES need (id, school_id),
    FOREIGN KEY (offer_id, partner_id) REFERENCES offer (id, partner_id)
);
CREATE INDEX commitment_by_school ON commitment (school_id, created_at, id);
CREATE INDEX commitment_by_need ON commitment (need_id, created_at, id);
CREATE INDEX commitment_by_partner ON commitment (partner_id, created_at, id);
CREATE INDEX commitment_by_offer ON commitment (offer_id);
CREATE INDEX commitment_by_creation ON commitment (created_at, id);
CREATE INDEX commitment_by_update ON commitment (updated_at, id);

CREATE TABLE commitment_step (
    id {uuid} PRIMARY KEY,
    commitment_id {uuid} NOT NULL REFERENCES commitment (id),
    status TEXT NOT NULL,
    at {instant} NOT NULL,
    by TEXT,
    note TEXT
);
CREATE INDEX commitment_step_by_commitment ON commitment_step (commitment_id, at, id);

CREATE TABLE housing_scheme (
    id {uuid} PRIMARY KEY,
    name TEXT NOT NULL,
    municipality_code TEXT NOT NULL REFERENCES municipality (code),
    status TEXT NOT NULL,
    valid_from DATE NOT NULL,
    valid_until DATE,
    quota INTEGER CHECK (quota >= 0),
    used INTEGER CHECK (used >= 0),
    segments INTEGER NOT NULL CHECK (segments BETWEEN 0 AND 15),
    teachers_only BOOLEAN NOT NULL,
    minimum_fte DOUBLE PRECISION,
    minimum_hours_per_week DOUBLE PRECISION,
    maximum_income_cents BIGINT,
    minimum_income_cents BIGINT,
    starters_only BOOLEAN NOT NULL,
    via_employer BOOLEAN NOT NULL,
    maximum_distance_km DOUBLE PRECISION,
    eligibility_notes TEXT,
    registration_url TEXT,
    information_url TEXT,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX housing_scheme_by_municipality ON housing_scheme (municipality_code, valid_from, id);

CREATE TABLE housing_option (
    id {uuid} PRIMARY KEY,
    title TEXT NOT NULL,
    municipality_code TEXT NOT NULL REFERENCES municipality (code),
    neighbourhood TEXT,
    street TEXT,
    house_number TEXT,
    postcode TEXT,
    city TEXT,
    latitude DOUBLE PRECISION CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION CHECK (longitude BETWEEN -180 AND 180),
    geo_x DOUBLE PRECISION,
    geo_y DOUBLE PRECISION,
    geo_z DOUBLE PRECISION,
    housing_type TEXT NOT NULL,
    segment TEXT NOT NULL,
    status TEXT NOT NULL,
    homes INTEGER NOT NULL CHECK (homes > 0),
    rent_cents BIGINT NOT NULL CHECK (rent_cents >= 0),
    service_costs_cents BIGINT CHECK (service_costs_cents >= 0),
    floor_area_m2 DOUBLE PRECISION CHECK (floor_area_m2 >= 0),
    rooms INTEGER CHECK (rooms >= 0),
    available_from DATE,
    respond_before DATE,
    contract_months INTEGER CHECK (contract_months > 0),
    teachers_only BOOLEAN NOT NULL,
    minimum_fte DOUBLE PRECISION,
    minimum_hours_per_week DOUBLE PRECISION,
    maximum_income_cents BIGINT,
    minimum_income_cents BIGINT,
    starters_only BOOLEAN NOT NULL,
    via_employer BOOLEAN NOT NULL,
    maximum_distance_km DOUBLE PRECISION,
    eligibility_notes TEXT,
    provider_id {uuid} REFERENCES partner (id),
    scheme_id {uuid} REFERENCES housing_scheme (id),
    apply_url TEXT,
    source_id TEXT NOT NULL REFERENCES source (id),
    external_id TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX housing_option_by_municipality ON housing_option (municipality_code, status, rent_cents);
CREATE INDEX housing_option_by_latitude ON housing_option (latitude, longitude);
CREATE INDEX housing_option_by_rent ON housing_option (rent_cents, id);
CREATE INDEX housing_option_by_update ON housing_option (updated_at, id);

CREATE TABLE initiative (
    id {uuid} PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    municipality_code TEXT REFERENCES municipality (code),
    region_slug TEXT REFERENCES region (slug),
    themes INTEGER NOT NULL CHECK (themes BETWEEN 0 AND 1023),
    summary_nl TEXT NOT NULL,
    summary_en TEXT NOT NULL,
    starting_points_nl {json} NOT NULL,
    starting_points_en {json} NOT NULL,
    conditions_nl {json} NOT NULL,
    conditions_en {json} NOT NULL,
    effects_nl {json} NOT NULL,
    effects_en {json} NOT NULL
);

CREATE TABLE initiative_partner (
    initiative_id {uuid} NOT NULL REFERENCES initiative (id),
    partner_id {uuid} NOT NULL REFERENCES partner (id),
    PRIMARY KEY (initiative_id, partner_id)
);

CREATE TABLE initiative_school (
    initiative_id {uuid} NOT NULL REFERENCES initiative (id),
    school_id {uuid} NOT NULL REFERENCES school (id),
    PRIMARY KEY (initiative_id, school_id)
);
CREATE INDEX initiative_school_by_school ON initiative_school (school_id);

CREATE TABLE education_system (
    country TEXT PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    name_nl TEXT NOT NULL,
    name_en TEXT NOT NULL
);

CREATE TABLE education_element (
    country TEXT NOT NULL REFERENCES education_system (country),
    element TEXT NOT NULL,
    text_nl TEXT NOT NULL,
    text_en TEXT NOT NULL,
    PRIMARY KEY (country, element)
);
