-- The former functions and view.
CREATE OR REPLACE FUNCTION search_refresh(ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM search_document
    WHERE record_id = ANY (ids)
        AND NOT EXISTS (SELECT 1 FROM search_source WHERE search_source.record_id = search_document.record_id);
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body
    FROM search_source
    WHERE record_id = ANY (ids)
    ORDER BY record_id
    ON CONFLICT (record_id) DO UPDATE
    SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE (search_document.title, search_document.keywords, search_document.body)
        IS DISTINCT FROM (excluded.title, excluded.keywords, excluded.body);
END
$$;

CREATE OR REPLACE VIEW offer_reach_source (theme, place, offer_id) AS
SELECT theme_bit.bit, offer_place.place, offer.id
FROM offer
INNER JOIN offer_place ON offer_place.offer_id = offer.id
INNER JOIN theme_bit ON (offer.themes & theme_bit.bit) <> 0
WHERE offer.status = 'PUBLISHED' AND offer.deleted_at IS NULL;

CREATE OR REPLACE FUNCTION offer_reach_refresh(ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = ANY (ids) AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = offer_reach.offer_id
            AND source.theme = offer_reach.theme
            AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = ANY (ids)
    ORDER BY offer_id, theme, place
    ON CONFLICT DO NOTHING;
END
$$;

CREATE OR REPLACE FUNCTION matching_follow_need() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT id FROM changed);
BEGIN
    DELETE FROM need_theme
    WHERE need_id = ANY (ids) AND NOT EXISTS (
        SELECT 1 FROM need_theme_source AS source
        WHERE source.need_id = need_theme.need_id AND source.theme = need_theme.theme
    );
    INSERT INTO need_theme (theme, need_id)
    SELECT theme, need_id FROM need_theme_source WHERE need_id = ANY (ids)
    ORDER BY need_id, theme
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
