-- Schools' cards as JSON, written by hand: what one statement can do at best. `{which}` says which schools.
SELECT json_build_object(
    'name', school.name,
    'municipality', (SELECT json_build_object('name', name) FROM municipality WHERE code = school.municipality_code),
    'needs', needs.page,
    'committedPartners', json_build_object('edges', partners.edges),
    'housingOptions', homes.page
) AS school
FROM (SELECT * FROM school WHERE deleted_at IS NULL AND {which}) AS school
CROSS JOIN LATERAL (
    SELECT json_build_object('totalCount', coalesce(max(total), 0), 'nodes', coalesce(json_agg(node), '[]')) AS page
    FROM (
        SELECT count(*) OVER () AS total, json_build_object(
            'title', title, 'themes', themes, 'urgency', urgency, 'status', status,
            'commitments', (
                SELECT json_build_object('nodes', coalesce(json_agg(node), '[]'))
                FROM (
                    SELECT json_build_object(
                        'status', commitment.status, 'partner', json_build_object('name', partner.name)
                    ) AS node
                    FROM commitment INNER JOIN partner ON partner.id = commitment.partner_id
                    WHERE commitment.need_id = need.id AND commitment.deleted_at IS NULL
                        AND commitment.status IN ('ACCEPTED', 'ACTIVE', 'COMPLETED', 'CONFIRMED', 'BROKEN')
                    ORDER BY commitment.created_at DESC, commitment.id DESC
                    LIMIT 5
                ) AS listed
            )
        ) AS node
        FROM need
        WHERE school_id = school.id AND deleted_at IS NULL AND status NOT IN ('DRAFT', 'WITHDRAWN')
        ORDER BY urgency DESC, id DESC
        LIMIT 20
    ) AS listed
) AS needs
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(edge), '[]') AS edges
    FROM (
        SELECT json_build_object(
            'node', json_build_object('name', partner.name, 'kind', partner.kind),
            'commitments', json_agg(json_build_object(
                'title', commitment.title, 'status', commitment.status,
                'startsOn', commitment.starts_on, 'endsOn', commitment.ends_on
            ))
        ) AS edge
        FROM commitment INNER JOIN partner ON partner.id = commitment.partner_id
        WHERE commitment.school_id = school.id AND commitment.deleted_at IS NULL
            AND commitment.status IN ('ACCEPTED', 'ACTIVE')
        GROUP BY partner.id
        ORDER BY partner.name, partner.id
        LIMIT 20
    ) AS listed
) AS partners
CROSS JOIN LATERAL (
    SELECT json_build_object('totalCount', coalesce(max(total), 0), 'edges', coalesce(json_agg(edge), '[]')) AS page
    FROM (
        SELECT total, json_build_object(
            'distanceKm', 6371.0088 * 2 * asin(least(sqrt(chord) / 2, 1)),
            'node', json_build_object(
                'title', title, 'rentPerMonth', json_build_object('amount', rent_cents / 100.0),
                'floorAreaM2', floor_area_m2, 'availableFrom', available_from, 'applyUrl', apply_url,
                'provenance', json_build_object(
                    'source', json_build_object('name', source_id), 'lastSeenAt', updated_at, 'isStale', false
                )
            )
        ) AS edge
        FROM (
            -- Every home near the school passes by, for the count: only what orders it does, from indexes alone.
            SELECT id, chord, count(*) OVER () AS total
            FROM (
                SELECT id, chord
                FROM housing_option
                CROSS JOIN LATERAL (
                    SELECT (geo_x - school.geo_x) * (geo_x - school.geo_x)
                        + (geo_y - school.geo_y) * (geo_y - school.geo_y)
                        + (geo_z - school.geo_z) * (geo_z - school.geo_z) AS chord
                ) AS distance
                WHERE deleted_at IS NULL AND status = 'AVAILABLE' AND municipality_code = school.municipality_code
                UNION ALL
                SELECT id, chord
                FROM housing_option
                CROSS JOIN LATERAL (
                    SELECT (geo_x - school.geo_x) * (geo_x - school.geo_x)
                        + (geo_y - school.geo_y) * (geo_y - school.geo_y)
                        + (geo_z - school.geo_z) * (geo_z - school.geo_z) AS chord
                ) AS distance
                WHERE deleted_at IS NULL AND status = 'AVAILABLE'
                    AND (municipality_code = school.municipality_code) IS NOT TRUE
                    AND latitude BETWEEN school.latitude - 0.1349 AND school.latitude + 0.1349
                    AND longitude BETWEEN school.longitude - 0.2275 AND school.longitude + 0.2275
                    AND chord <= (15 / 6371.0088) * (15 / 6371.0088)
            ) AS found
            ORDER BY chord IS NULL, chord, id
            LIMIT 10
        ) AS near
        INNER JOIN housing_option USING (id)
        ORDER BY chord IS NULL, chord, id
    ) AS listed
) AS homes
