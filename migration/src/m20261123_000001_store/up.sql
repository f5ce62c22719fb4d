CREATE TABLE source (
    id {text} PRIMARY KEY,
    name {text} NOT NULL,
    connector {text} NOT NULL,
    kind {text} NOT NULL,
    priority INTEGER NOT NULL,
    every_secs BIGINT NOT NULL,
    fresh_for_secs BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    last_succeeded_at {instant},
    last_status {text},
    next_run_at {instant},
    lease_owner {text},
    lease_until {instant},
    fence BIGINT NOT NULL
);

CREATE TABLE sync_run (
    id {uuid} PRIMARY KEY,
    source_id {text} NOT NULL REFERENCES source (id),
    status {text} NOT NULL,
    mode {text} NOT NULL,
    started_at {instant} NOT NULL,
    finished_at {instant},
    read INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    error {text}
);
CREATE INDEX sync_run_by_source ON sync_run (source_id, started_at);
CREATE UNIQUE INDEX sync_run_one_at_a_time ON sync_run (source_id) WHERE status = 'RUNNING';

CREATE TABLE checkpoint (
    source_id {text} NOT NULL REFERENCES source (id),
    stream {text} NOT NULL,
    page_token {text},
    mode {text},
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
    source_id {text} NOT NULL REFERENCES source (id),
    stream {text} NOT NULL,
    record_key {text} NOT NULL,
    external_id {text},
    reasons {json} NOT NULL,
    awaits_reference BOOLEAN NOT NULL,
    payload {text},
    first_seen_at {instant} NOT NULL,
    last_seen_at {instant} NOT NULL,
    UNIQUE (source_id, stream, record_key)
);

CREATE TABLE claim (
    id {number},
    source_id {text} NOT NULL REFERENCES source (id),
    stream {text} NOT NULL,
    record_type {text} NOT NULL,
    external_id {text} NOT NULL,
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
    action {text} NOT NULL,
    record_type {text} NOT NULL,
    record_id {uuid} NOT NULL,
    source_id {text},
    school_id {uuid},
    municipality_code {text},
    partner_id {uuid}
);
CREATE INDEX change_by_school ON change (school_id, sequence);
CREATE INDEX change_by_record ON change (record_id, sequence);

CREATE TABLE theme (
    code {text} PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    label_nl {text} NOT NULL,
    label_en {text} NOT NULL,
    description_nl {text} NOT NULL,
    description_en {text} NOT NULL
);

CREATE TABLE support_kind (
    code {text} PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    label_nl {text} NOT NULL,
    label_en {text} NOT NULL
);

CREATE TABLE region (
    slug {text} PRIMARY KEY,
    name {text} NOT NULL,
    is_shrinking BOOLEAN NOT NULL
);

CREATE TABLE region_shortage (
    region_slug {text} NOT NULL REFERENCES region (slug),
    year INTEGER NOT NULL,
    fte DOUBLE PRECISION NOT NULL CHECK (fte >= 0),
    PRIMARY KEY (region_slug, year)
);

CREATE TABLE municipality (
    code {text} PRIMARY KEY,
    name {text} NOT NULL,
    is_g4 BOOLEAN NOT NULL,
    region_slug {text} REFERENCES region (slug),
    priority INTEGER NOT NULL
);
CREATE INDEX municipality_by_name ON municipality (name, code);
CREATE INDEX municipality_by_region ON municipality (region_slug);

CREATE TABLE school_board (
    id {uuid} PRIMARY KEY,
    number {text} NOT NULL UNIQUE,
    name {text} NOT NULL,
    kvk {text},
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX school_board_by_name ON school_board (name, id);

CREATE TABLE school (
    id {uuid} PRIMARY KEY,
    brin {text} NOT NULL UNIQUE,
    name {text} NOT NULL,
    street {text},
    house_number {text},
    postcode {text},
    city {text},
    latitude DOUBLE PRECISION CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION CHECK (longitude BETWEEN -180 AND 180),
    geo_x DOUBLE PRECISION,
    geo_y DOUBLE PRECISION,
    geo_z DOUBLE PRECISION,
    denomination {text},
    pupils INTEGER CHECK (pupils >= 0),
    disadvantage_score DOUBLE PRECISION,
    website {text},
    school_board_id {uuid} REFERENCES school_board (id),
    municipality_code {text} REFERENCES municipality (code),
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
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
    name {text} NOT NULL,
    kind {text} NOT NULL,
    kvk {text} UNIQUE,
    website {text},
    description {text},
    contact_name {text},
    contact_email {text},
    contact_phone {text},
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX partner_by_name ON partner (name, id);

CREATE TABLE need (
    id {uuid} PRIMARY KEY,
    school_id {uuid} NOT NULL REFERENCES school (id),
    title {text} NOT NULL,
    description {text},
    themes INTEGER NOT NULL CHECK (themes BETWEEN 0 AND 1023),
    support_kinds INTEGER NOT NULL CHECK (support_kinds BETWEEN 0 AND 511),
    barriers INTEGER NOT NULL CHECK (barriers BETWEEN 0 AND 1023),
    urgency SMALLINT NOT NULL CHECK (urgency BETWEEN 1 AND 4),
    status {text} NOT NULL,
    fte_asked DOUBLE PRECISION CHECK (fte_asked >= 0),
    hours_per_week_asked DOUBLE PRECISION CHECK (hours_per_week_asked >= 0),
    starts_on DATE,
    ends_on DATE,
    contact_name {text},
    contact_email {text},
    contact_phone {text},
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
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
    title {text} NOT NULL,
    description {text},
    themes INTEGER NOT NULL CHECK (themes BETWEEN 0 AND 1023),
    support_kinds INTEGER NOT NULL CHECK (support_kinds BETWEEN 0 AND 511),
    inputs INTEGER NOT NULL CHECK (inputs BETWEEN 0 AND 63),
    status {text} NOT NULL,
    "national" BOOLEAN NOT NULL,
    latitude DOUBLE PRECISION CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION CHECK (longitude BETWEEN -180 AND 180),
    geo_x DOUBLE PRECISION,
    geo_y DOUBLE PRECISION,
    geo_z DOUBLE PRECISION,
    radius_km DOUBLE PRECISION CHECK (radius_km >= 0),
    capacity_amount DOUBLE PRECISION CHECK (capacity_amount >= 0),
    capacity_unit {text},
    starts_on DATE,
    ends_on DATE,
    requires_vog BOOLEAN NOT NULL,
    vog_in_order BOOLEAN,
    languages {json} NOT NULL,
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
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
    municipality_code {text} NOT NULL REFERENCES municipality (code),
    PRIMARY KEY (offer_id, municipality_code)
);
CREATE INDEX offer_municipality_by_municipality ON offer_municipality (municipality_code, offer_id);

CREATE TABLE offer_region (
    offer_id {uuid} NOT NULL REFERENCES offer (id) ON DELETE CASCADE,
    region_slug {text} NOT NULL REFERENCES region (slug),
    PRIMARY KEY (offer_id, region_slug)
);
CREATE INDEX offer_region_by_region ON offer_region (region_slug, offer_id);

CREATE TABLE commitment (
    id {uuid} PRIMARY KEY,
    partner_id {uuid} NOT NULL REFERENCES partner (id),
    school_id {uuid} NOT NULL REFERENCES school (id),
    need_id {uuid},
    offer_id {uuid},
    title {text} NOT NULL,
    status {text} NOT NULL,
    capacity_amount DOUBLE PRECISION CHECK (capacity_amount >= 0),
    capacity_unit {text},
    starts_on DATE,
    ends_on DATE,
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
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
    status {text} NOT NULL,
    at {instant} NOT NULL,
    by {text},
    note {text}
);
CREATE INDEX commitment_step_by_commitment ON commitment_step (commitment_id, at, id);

CREATE TABLE housing_scheme (
    id {uuid} PRIMARY KEY,
    name {text} NOT NULL,
    municipality_code {text} NOT NULL REFERENCES municipality (code),
    status {text} NOT NULL,
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
    eligibility_notes {text},
    registration_url {text},
    information_url {text},
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
    version INTEGER NOT NULL CHECK (version > 0),
    created_at {instant} NOT NULL,
    updated_at {instant} NOT NULL,
    deleted_at {instant}
);
CREATE INDEX housing_scheme_by_municipality ON housing_scheme (municipality_code, valid_from, id);

CREATE TABLE housing_option (
    id {uuid} PRIMARY KEY,
    title {text} NOT NULL,
    municipality_code {text} NOT NULL REFERENCES municipality (code),
    neighbourhood {text},
    street {text},
    house_number {text},
    postcode {text},
    city {text},
    latitude DOUBLE PRECISION CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION CHECK (longitude BETWEEN -180 AND 180),
    geo_x DOUBLE PRECISION,
    geo_y DOUBLE PRECISION,
    geo_z DOUBLE PRECISION,
    housing_type {text} NOT NULL,
    segment {text} NOT NULL,
    status {text} NOT NULL,
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
    eligibility_notes {text},
    provider_id {uuid} REFERENCES partner (id),
    scheme_id {uuid} REFERENCES housing_scheme (id),
    apply_url {text},
    source_id {text} NOT NULL REFERENCES source (id),
    external_id {text},
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
    slug {text} NOT NULL UNIQUE,
    name {text} NOT NULL,
    municipality_code {text} REFERENCES municipality (code),
    region_slug {text} REFERENCES region (slug),
    themes INTEGER NOT NULL CHECK (themes BETWEEN 0 AND 1023),
    summary_nl {text} NOT NULL,
    summary_en {text} NOT NULL,
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
    country {text} PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    name_nl {text} NOT NULL,
    name_en {text} NOT NULL
);

CREATE TABLE education_element (
    country {text} NOT NULL REFERENCES education_system (country),
    element {text} NOT NULL,
    text_nl {text} NOT NULL,
    text_en {text} NOT NULL,
    PRIMARY KEY (country, element)
);
