CREATE TABLE offer_reach (
    theme INTEGER NOT NULL,
    place {text} NOT NULL,
    offer_id {uuid} NOT NULL REFERENCES offer (id) ON DELETE CASCADE,
    PRIMARY KEY (theme, place, offer_id)
);
CREATE INDEX offer_reach_by_offer ON offer_reach (offer_id);

CREATE TABLE need_theme (
    theme INTEGER NOT NULL,
    need_id {uuid} NOT NULL REFERENCES need (id) ON DELETE CASCADE,
    PRIMARY KEY (theme, need_id)
);
CREATE INDEX need_theme_by_need ON need_theme (need_id);

-- A set of themes has one bit for each.
CREATE VIEW theme_bit (bit) AS
SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 4 UNION ALL SELECT 8 UNION ALL SELECT 16
UNION ALL SELECT 32 UNION ALL SELECT 64 UNION ALL SELECT 128 UNION ALL SELECT 256 UNION ALL SELECT 512;

-- Where an offer reaches: the whole country, municipalities by code, regions by slug, a circle.
CREATE VIEW offer_place (offer_id, place) AS
SELECT offer.id, 'national' FROM offer WHERE offer."national"
UNION ALL
SELECT offer_municipality.offer_id, offer_municipality.municipality_code FROM offer_municipality
UNION ALL
SELECT offer_region.offer_id, 'region ' || offer_region.region_slug FROM offer_region
UNION ALL
SELECT offer.id, 'circle' FROM offer WHERE offer.radius_km IS NOT NULL AND offer.geo_x IS NOT NULL;

CREATE VIEW offer_reach_source (theme, place, offer_id) AS
SELECT theme_bit.bit, offer_place.place, offer.id
FROM offer
INNER JOIN offer_place ON offer_place.offer_id = offer.id
INNER JOIN theme_bit ON (offer.themes & theme_bit.bit) <> 0
WHERE offer.status = 'PUBLISHED' AND offer.deleted_at IS NULL;

CREATE VIEW need_theme_source (theme, need_id) AS
SELECT theme_bit.bit, need.id
FROM need
INNER JOIN theme_bit ON (need.themes & theme_bit.bit) <> 0
WHERE need.status IN ('OPEN', 'PARTLY_COMMITTED') AND need.deleted_at IS NULL;
