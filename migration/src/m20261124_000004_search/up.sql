CREATE TABLE search_document (
    number {number},
    record_id {uuid} NOT NULL UNIQUE,
    record_type {text} NOT NULL,
    title {text} NOT NULL,
    keywords {text} NOT NULL,
    body {text} NOT NULL,
    title_length INTEGER NOT NULL GENERATED ALWAYS AS (length(title)) STORED
);

-- What the document of every record is made of. Texts are cut: an index of words has limits that a text has not.
CREATE VIEW search_source (record_id, record_type, title, keywords, body) AS
SELECT
    school.id,
    'SCHOOL',
    substr(school.name, 1, 1000),
    substr(school.brin || ' ' || coalesce(school.city, '') || ' ' || coalesce(municipality.name, ''), 1, 10000),
    ''
FROM school
LEFT JOIN municipality ON municipality.code = school.municipality_code
WHERE school.deleted_at IS NULL
UNION ALL
SELECT
    partner.id,
    'PARTNER',
    substr(partner.name, 1, 1000),
    substr(coalesce(partner.kvk, ''), 1, 10000),
    substr(coalesce(partner.description, ''), 1, 20000)
FROM partner
WHERE partner.deleted_at IS NULL
UNION ALL
SELECT
    need.id,
    'NEED',
    substr(need.title, 1, 1000),
    substr(
        school.name || ' ' || school.brin || ' ' || coalesce(school.city, '') || ' ' || coalesce(municipality.name, ''),
        1,
        10000
    ),
    substr(coalesce(need.description, ''), 1, 20000)
FROM need
INNER JOIN school ON school.id = need.school_id
LEFT JOIN municipality ON municipality.code = school.municipality_code
WHERE need.deleted_at IS NULL
UNION ALL
SELECT
    offer.id,
    'OFFER',
    substr(offer.title, 1, 1000),
    substr(
        partner.name
        || ' '
        || coalesce((
            SELECT {joined}(named.name, ' ')
            FROM (
                SELECT municipality.name
                FROM offer_municipality
                INNER JOIN municipality ON municipality.code = offer_municipality.municipality_code
                WHERE offer_municipality.offer_id = offer.id
                ORDER BY municipality.name
            ) AS named
        ), '')
        || ' '
        || coalesce((
            SELECT {joined}(named.name, ' ')
            FROM (
                SELECT region.name
                FROM offer_region
                INNER JOIN region ON region.slug = offer_region.region_slug
                WHERE offer_region.offer_id = offer.id
                ORDER BY region.name
            ) AS named
        ), ''),
        1,
        10000
    ),
    substr(coalesce(offer.description, ''), 1, 20000)
FROM offer
INNER JOIN partner ON partner.id = offer.partner_id
WHERE offer.deleted_at IS NULL
UNION ALL
SELECT
    initiative.id,
    'INITIATIVE',
    substr(initiative.name, 1, 1000),
    substr(coalesce(municipality.name, '') || ' ' || coalesce(region.name, ''), 1, 10000),
    substr(initiative.summary_nl || ' ' || initiative.summary_en, 1, 20000)
FROM initiative
LEFT JOIN municipality ON municipality.code = initiative.municipality_code
LEFT JOIN region ON region.slug = initiative.region_slug;
