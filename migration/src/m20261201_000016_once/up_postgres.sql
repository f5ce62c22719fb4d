-- What is made of records is made of a few, found by their keys. A plan is kept from when a table was small, and a new
-- database has no statistics: either has it read whole, for every page of a first load. So these functions plan as for
-- tables that are too long for that.

-- Brings the documents of these records up to what `search_source` says, which is read once; writes only what differs.
CREATE OR REPLACE FUNCTION search_refresh(ids uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    IF cardinality(ids) = 0 THEN
        RETURN;
    END IF;
    WITH source AS MATERIALIZED (
        SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = ANY (ids)
    ),
    gone AS (
        DELETE FROM search_document
        WHERE record_id = ANY (ids) AND record_id NOT IN (SELECT source.record_id FROM source)
    )
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM source
    ORDER BY record_id
    ON CONFLICT (record_id) DO UPDATE
    SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE (search_document.title, search_document.keywords, search_document.body)
        IS DISTINCT FROM (excluded.title, excluded.keywords, excluded.body);
END
$$;

-- Brings what is kept of these offers up to what `offer_reach_source` says; writes only what differs. The places of each
-- offer are looked up by themselves.
CREATE OR REPLACE FUNCTION offer_reach_refresh(ids uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    IF cardinality(ids) = 0 THEN
        RETURN;
    END IF;
    WITH source AS MATERIALIZED (
        SELECT found.theme, found.place, found.offer_id
        FROM unnest(ids) AS wanted (id)
        CROSS JOIN LATERAL (
            SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = wanted.id OFFSET 0
        ) AS found
    ),
    gone AS (
        DELETE FROM offer_reach
        WHERE offer_id = ANY (ids)
            AND (theme, place, offer_id) NOT IN (SELECT source.theme, source.place, source.offer_id FROM source)
    )
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM source
    ORDER BY offer_id, theme, place
    ON CONFLICT DO NOTHING;
END
$$;

CREATE OR REPLACE FUNCTION matching_follow_need() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT id FROM changed);
BEGIN
    IF cardinality(ids) = 0 THEN
        RETURN NULL;
    END IF;
    WITH source AS MATERIALIZED (
        SELECT theme, need_id FROM need_theme_source WHERE need_id = ANY (ids)
    ),
    gone AS (
        DELETE FROM need_theme
        WHERE need_id = ANY (ids) AND (theme, need_id) NOT IN (SELECT source.theme, source.need_id FROM source)
    )
    INSERT INTO need_theme (theme, need_id)
    SELECT theme, need_id FROM source
    ORDER BY need_id, theme
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- The offers that this transaction wrote, or the places of. Empty but within transactions. Who writes an offer that
-- another transaction has here waits for it, and so sees what it wrote.
CREATE TABLE offer_due (offer_id uuid PRIMARY KEY);

-- The triggers of places say `offer_id`, that of offers `id`.
CREATE FUNCTION offer_note() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM search_reads('{1, 2, 4}');
    INSERT INTO offer_due SELECT DISTINCT id FROM changed ORDER BY id ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION offer_note_places() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM search_reads('{1, 2, 4}');
    INSERT INTO offer_due SELECT DISTINCT offer_id FROM changed ORDER BY offer_id ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- At the commit, or where the writer asks for it (SET CONSTRAINTS), the first of those that are due takes all along.
CREATE FUNCTION offer_bring_up() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids uuid[];
BEGIN
    IF EXISTS (SELECT 1 FROM offer_due WHERE offer_id = NEW.offer_id) THEN
        WITH due AS (DELETE FROM offer_due RETURNING offer_id)
        SELECT array_agg(offer_id ORDER BY offer_id) INTO ids FROM due;
        PERFORM search_refresh(ids);
        PERFORM offer_reach_refresh(ids);
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER offer_is_brought_up AFTER INSERT ON offer_due
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION offer_bring_up();

DROP TRIGGER search_follows_insert ON offer;
DROP TRIGGER search_follows_update ON offer;
DROP TRIGGER search_follows_delete ON offer;
DROP TRIGGER matching_follows_insert ON offer;
DROP TRIGGER matching_follows_update ON offer;
DROP TRIGGER search_follows_insert ON offer_municipality;
DROP TRIGGER search_follows_update ON offer_municipality;
DROP TRIGGER search_follows_delete ON offer_municipality;
DROP TRIGGER matching_follows_insert ON offer_municipality;
DROP TRIGGER matching_follows_update ON offer_municipality;
DROP TRIGGER matching_follows_delete ON offer_municipality;
DROP TRIGGER search_follows_insert ON offer_region;
DROP TRIGGER search_follows_update ON offer_region;
DROP TRIGGER search_follows_delete ON offer_region;
DROP TRIGGER matching_follows_insert ON offer_region;
DROP TRIGGER matching_follows_update ON offer_region;
DROP TRIGGER matching_follows_delete ON offer_region;
DROP FUNCTION search_follow_reach();
DROP FUNCTION matching_follow_offer();
DROP FUNCTION matching_follow_reach();

CREATE TRIGGER note_insert AFTER INSERT ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note();
CREATE TRIGGER note_update AFTER UPDATE ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note();
CREATE TRIGGER note_delete AFTER DELETE ON offer
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note();
CREATE TRIGGER note_insert AFTER INSERT ON offer_municipality
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note_places();
CREATE TRIGGER note_update AFTER UPDATE ON offer_municipality
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note_places();
CREATE TRIGGER note_delete AFTER DELETE ON offer_municipality
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note_places();
CREATE TRIGGER note_insert AFTER INSERT ON offer_region
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note_places();
CREATE TRIGGER note_update AFTER UPDATE ON offer_region
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note_places();
CREATE TRIGGER note_delete AFTER DELETE ON offer_region
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_note_places();

-- The same lexemes, for half the time. `search_words` gives null for null in any case, and without STRICT it is worked out in place.
ALTER FUNCTION search_words(text) CALLED ON NULL INPUT;

CREATE OR REPLACE FUNCTION search_vector(title text, keywords text, body text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    titled text := btrim(search_words(title));
    named text := btrim(search_words(keywords));
    rest text := btrim(search_words(body));
    every text := concat_ws(' ', nullif(titled, ''), nullif(named, ''), nullif(rest, ''));
    title_stems text;
    name_stems text;
BEGIN
    IF every ~ '[^ ]{61}' THEN
        titled := regexp_replace(titled, '([^ ]{60})[^ ]+', '\1', 'g');
        named := regexp_replace(named, '([^ ]{60})[^ ]+', '\1', 'g');
        rest := regexp_replace(rest, '([^ ]{60})[^ ]+', '\1', 'g');
        every := concat_ws(' ', nullif(titled, ''), nullif(named, ''), nullif(rest, ''));
    END IF;
    title_stems := array_to_string(tsvector_to_array(to_tsvector('search_dutch'::regconfig, titled)), ' ');
    name_stems := array_to_string(tsvector_to_array(to_tsvector('search_dutch'::regconfig, named)), ' ');
    RETURN array_to_tsvector(array_remove(
        string_to_array(
            concat_ws(
                ' ',
                title_stems,
                name_stems,
                array_to_string(tsvector_to_array(to_tsvector('search_dutch'::regconfig, rest)), ' '),
                CASE WHEN every <> '' THEN '_' || replace(every, ' ', ' _') END,
                CASE WHEN title_stems <> '' THEN '^' || replace(title_stems, ' ', ' ^') END,
                CASE WHEN titled <> '' THEN '^_' || replace(titled, ' ', ' ^_') END,
                CASE WHEN name_stems <> '' THEN '=' || replace(name_stems, ' ', ' =') END,
                CASE WHEN named <> '' THEN '=_' || replace(named, ' ', ' =_') END
            ),
            ' '
        ),
        ''
    ));
END
$$;
DROP FUNCTION search_marked(text, text);
