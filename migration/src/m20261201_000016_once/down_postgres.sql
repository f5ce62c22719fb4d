-- The former triggers, functions and view.
DROP TRIGGER note_insert ON offer;
DROP TRIGGER note_update ON offer;
DROP TRIGGER note_delete ON offer;
DROP TRIGGER note_insert ON offer_municipality;
DROP TRIGGER note_update ON offer_municipality;
DROP TRIGGER note_delete ON offer_municipality;
DROP TRIGGER note_insert ON offer_region;
DROP TRIGGER note_update ON offer_region;
DROP TRIGGER note_delete ON offer_region;
DROP TABLE offer_due;
DROP FUNCTION offer_bring_up();
DROP FUNCTION offer_note();
DROP FUNCTION offer_note_places();

CREATE FUNCTION search_marked(mark text, words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN words = '' THEN '' ELSE ' ' || mark || replace(words, ' ', ' ' || mark) END;

ALTER FUNCTION search_words(text) STRICT;

CREATE OR REPLACE FUNCTION search_vector(title text, keywords text, body text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    texts text[] := ARRAY[btrim(search_words(title)), btrim(search_words(keywords)), btrim(search_words(body))];
    titled text;
    named text;
    every text := array_to_string(array_remove(texts, ''), ' ');
    title_stems text;
    name_stems text;
BEGIN
    IF every ~ '[^ ]{61}' THEN
        texts := ARRAY(SELECT regexp_replace(words, '([^ ]{60})[^ ]+', '\1', 'g') FROM unnest(texts) AS words);
        every := array_to_string(array_remove(texts, ''), ' ');
    END IF;
    titled := texts[1];
    named := texts[2];
    title_stems := search_stems(titled);
    name_stems := search_stems(named);
    RETURN array_to_tsvector(array_remove(
        string_to_array(
            title_stems || ' ' || name_stems || ' ' || search_stems(texts[3]) || search_marked('_', every)
            || search_marked('^', title_stems) || search_marked('^_', titled)
            || search_marked('=', name_stems) || search_marked('=_', named),
            ' '
        ),
        ''
    ));
END
$$;

CREATE OR REPLACE FUNCTION search_refresh(ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM search_document
    WHERE record_id = ANY (ids)
        AND NOT EXISTS (
            SELECT 1 FROM search_source AS source
            WHERE source.record_id = search_document.record_id AND source.record_id = ANY (ids)
        );
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

CREATE OR REPLACE FUNCTION offer_reach_refresh(ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = ANY (ids) AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = offer_reach.offer_id
            AND source.theme = offer_reach.theme
            AND source.place = offer_reach.place
            AND source.offer_id = ANY (ids)
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
            AND source.need_id = ANY (ids)
    );
    INSERT INTO need_theme (theme, need_id)
    SELECT theme, need_id FROM need_theme_source WHERE need_id = ANY (ids)
    ORDER BY need_id, theme
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION search_follow_reach() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM search_reads(coalesce(TG_ARGV::integer[], '{}'));
    PERFORM search_refresh(ARRAY(SELECT DISTINCT offer_id FROM changed));
    RETURN NULL;
END
$$;

CREATE FUNCTION matching_follow_offer() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM offer_reach_refresh(ARRAY(SELECT id FROM changed));
    RETURN NULL;
END
$$;

CREATE FUNCTION matching_follow_reach() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM offer_reach_refresh(ARRAY(SELECT DISTINCT offer_id FROM changed));
    RETURN NULL;
END
$$;

CREATE TRIGGER search_follows_insert AFTER INSERT ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2, 4);
CREATE TRIGGER search_follows_update AFTER UPDATE ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2, 4);
CREATE TRIGGER search_follows_delete AFTER DELETE ON offer
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2, 4);
CREATE TRIGGER search_follows_insert AFTER INSERT ON offer_municipality
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_reach(1, 2, 4);
CREATE TRIGGER search_follows_update AFTER UPDATE ON offer_municipality
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_reach(1, 2, 4);
CREATE TRIGGER search_follows_delete AFTER DELETE ON offer_municipality
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_reach(1, 2, 4);
CREATE TRIGGER search_follows_insert AFTER INSERT ON offer_region
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_reach(1, 2, 4);
CREATE TRIGGER search_follows_update AFTER UPDATE ON offer_region
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_reach(1, 2, 4);
CREATE TRIGGER search_follows_delete AFTER DELETE ON offer_region
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_reach(1, 2, 4);
CREATE TRIGGER matching_follows_insert AFTER INSERT ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_offer();
CREATE TRIGGER matching_follows_update AFTER UPDATE ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_offer();
CREATE TRIGGER matching_follows_insert AFTER INSERT ON offer_municipality
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_reach();
CREATE TRIGGER matching_follows_update AFTER UPDATE ON offer_municipality
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_reach();
CREATE TRIGGER matching_follows_delete AFTER DELETE ON offer_municipality
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_reach();
CREATE TRIGGER matching_follows_insert AFTER INSERT ON offer_region
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_reach();
CREATE TRIGGER matching_follows_update AFTER UPDATE ON offer_region
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_reach();
CREATE TRIGGER matching_follows_delete AFTER DELETE ON offer_region
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_reach();
