-- Dutch stems, and every word counts: which words are too common to look for is decided where a question is read.
-- Neither needs a superuser or an extension.
CREATE TEXT SEARCH DICTIONARY search_stem (TEMPLATE = pg_catalog.snowball, LANGUAGE = dutch);
CREATE TEXT SEARCH CONFIGURATION search_dutch (PARSER = pg_catalog."default");
ALTER TEXT SEARCH CONFIGURATION search_dutch
    ADD MAPPING FOR asciiword, word WITH search_stem;
ALTER TEXT SEARCH CONFIGURATION search_dutch
    ADD MAPPING FOR numword, int, uint, float, sfloat WITH pg_catalog.simple;

-- The words of a text in lower case and without accents, with spaces between them: accents are told apart from their
-- letters (NFD) and dropped; whatever is neither letter nor digit becomes a space. The same for every locale, hence
-- immutable; unaccent is an extension, and is not.
CREATE FUNCTION search_words(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(
    regexp_replace(
        regexp_replace(normalize(translate(said, 'ÆŒØŁĐÞ', 'æœøłđþ'), NFD), '[\u0300-\u036f]', '', 'g'),
        '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u02b0-\u02ff\u1680\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u303f\ufe00-\ufe6f\uff00-\uff0f\ufff0-\uffff\U0001f000-\U0001faff]+',
        ' ',
        'g'
    ) COLLATE "C"
);

-- The stems of words, and beside them the words themselves behind a `_`, which no stem begins with: a word that is
-- still being typed is looked for among the words, not among the stems. `place` is the weight's letter. Words are cut
-- at 60 letters, for a longer one cannot be a lexeme and would fail the write.
CREATE FUNCTION search_lexemes(words text, place "char") RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN setweight(to_tsvector('search_dutch'::regconfig, words), place)
    || CAST(regexp_replace(words, '\S{1,60}', ' _\&:1' || CAST(place AS text), 'g') AS tsvector);

CREATE FUNCTION search_vector(title text, keywords text, body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_lexemes(search_words(title), 'A')
    || search_lexemes(search_words(keywords), 'B')
    || search_lexemes(search_words(body), 'C');

ALTER TABLE search_document
    ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (search_vector(title, keywords, body)) STORED;
CREATE INDEX search_document_by_words ON search_document USING gin (words);

-- Brings the documents of these records up to what `search_source` says; writes only what differs.
CREATE FUNCTION search_refresh(ids uuid[]) RETURNS void
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

-- A document also has names of what its record belongs to. Whoever writes such a record while another renames what it
-- belongs to would read the old name, and the other would not see the record yet. So writers share a lock on each kind
-- of name they read, and who renames has it alone. Kinds are taken in the order of their numbers, so nobody waits in a
-- circle: 1 region, 2 municipality, 3 school, 4 partner.
CREATE FUNCTION search_reads(kinds integer[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kind integer;
BEGIN
    FOREACH kind IN ARRAY kinds LOOP
        PERFORM pg_advisory_xact_lock_shared(hashtext('search ' || current_schema()), kind);
    END LOOP;
END
$$;

CREATE FUNCTION search_renames(kind integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('search ' || current_schema()), kind);
END
$$;

-- The arguments are the kinds of names that the table's documents have.
CREATE FUNCTION search_follow_record() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM search_reads(coalesce(TG_ARGV::integer[], '{}'));
    PERFORM search_refresh(ARRAY(SELECT id FROM changed));
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

CREATE FUNCTION search_follow_school() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    renamed uuid[] := ARRAY(
        SELECT id FROM changed INNER JOIN before USING (id)
        WHERE (changed.name, changed.brin, changed.city, changed.municipality_code)
            IS DISTINCT FROM (before.name, before.brin, before.city, before.municipality_code)
    );
BEGIN
    IF cardinality(renamed) > 0 THEN
        PERFORM search_reads('{2}');
        PERFORM search_renames(3);
        PERFORM search_refresh(ARRAY(SELECT id FROM need WHERE school_id = ANY (renamed)));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION search_follow_partner() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    renamed uuid[] := ARRAY(SELECT id FROM changed INNER JOIN before USING (id) WHERE changed.name <> before.name);
BEGIN
    IF cardinality(renamed) > 0 THEN
        PERFORM search_renames(4);
        PERFORM search_refresh(ARRAY(SELECT id FROM offer WHERE partner_id = ANY (renamed)));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION search_follow_municipality() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    renamed text[] := ARRAY(SELECT code FROM changed INNER JOIN before USING (code) WHERE changed.name <> before.name);
BEGIN
    IF cardinality(renamed) > 0 THEN
        PERFORM search_renames(2);
        PERFORM search_refresh(ARRAY(
            SELECT id FROM school WHERE municipality_code = ANY (renamed)
            UNION ALL
            SELECT need.id FROM need INNER JOIN school ON school.id = need.school_id
            WHERE school.municipality_code = ANY (renamed)
            UNION ALL
            SELECT offer_id FROM offer_municipality WHERE municipality_code = ANY (renamed)
            UNION ALL
            SELECT id FROM initiative WHERE municipality_code = ANY (renamed)
        ));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION search_follow_region() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    renamed text[] := ARRAY(SELECT slug FROM changed INNER JOIN before USING (slug) WHERE changed.name <> before.name);
BEGIN
    IF cardinality(renamed) > 0 THEN
        PERFORM search_renames(1);
        PERFORM search_refresh(ARRAY(
            SELECT offer_id FROM offer_region WHERE region_slug = ANY (renamed)
            UNION ALL
            SELECT id FROM initiative WHERE region_slug = ANY (renamed)
        ));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER search_follows_insert AFTER INSERT ON school
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(2);
CREATE TRIGGER search_follows_update AFTER UPDATE ON school
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(2);
CREATE TRIGGER search_follows_delete AFTER DELETE ON school
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(2);
CREATE TRIGGER search_follows_insert AFTER INSERT ON partner
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record();
CREATE TRIGGER search_follows_update AFTER UPDATE ON partner
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record();
CREATE TRIGGER search_follows_delete AFTER DELETE ON partner
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record();
CREATE TRIGGER search_follows_insert AFTER INSERT ON need
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(2, 3);
CREATE TRIGGER search_follows_update AFTER UPDATE ON need
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(2, 3);
CREATE TRIGGER search_follows_delete AFTER DELETE ON need
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(2, 3);
CREATE TRIGGER search_follows_insert AFTER INSERT ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2, 4);
CREATE TRIGGER search_follows_update AFTER UPDATE ON offer
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2, 4);
CREATE TRIGGER search_follows_delete AFTER DELETE ON offer
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2, 4);
CREATE TRIGGER search_follows_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2);
CREATE TRIGGER search_follows_update AFTER UPDATE ON initiative
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2);
CREATE TRIGGER search_follows_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_record(1, 2);
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
CREATE TRIGGER search_follows_name AFTER UPDATE ON region
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_region();
CREATE TRIGGER search_follows_name AFTER UPDATE ON municipality
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_municipality();
CREATE TRIGGER search_follows_name AFTER UPDATE ON school
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_school();
CREATE TRIGGER search_follows_name AFTER UPDATE ON partner
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION search_follow_partner();
