-- What PostGraphile is given beside the hub's tables: homes near a school, which no foreign key tells.
CREATE OR REPLACE FUNCTION school_homes_nearby(school school) RETURNS SETOF housing_option
LANGUAGE sql STABLE AS $$
    SELECT home.*
    FROM housing_option AS home
    CROSS JOIN LATERAL (
        SELECT (home.geo_x - school.geo_x) ^ 2 + (home.geo_y - school.geo_y) ^ 2 + (home.geo_z - school.geo_z) ^ 2
            AS chord
    ) AS distance
    WHERE home.deleted_at IS NULL AND home.status = 'AVAILABLE'
        AND (
            home.municipality_code = school.municipality_code
            OR (
                home.latitude BETWEEN school.latitude - 0.1349 AND school.latitude + 0.1349
                AND home.longitude BETWEEN school.longitude - 0.2275 AND school.longitude + 0.2275
                AND chord <= (15 / 6371.0088) ^ 2
            )
        )
    ORDER BY chord, home.id
$$;

-- And a need's commitments: of a foreign key without an index on its side PostGraphile makes no field.
CREATE OR REPLACE FUNCTION need_answers(need need) RETURNS SETOF commitment
LANGUAGE sql STABLE AS $$
    SELECT * FROM commitment WHERE need_id = need.id AND deleted_at IS NULL ORDER BY created_at DESC, id DESC
$$;
