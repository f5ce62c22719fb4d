DROP INDEX search_document_by_words;
ALTER TABLE search_document DROP COLUMN words;
DROP FUNCTION search_vector(text, text, text);
DROP FUNCTION search_marked(text, text);
DROP FUNCTION search_stems(text);

CREATE OR REPLACE FUNCTION search_words(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(
    regexp_replace(
        regexp_replace(normalize(translate(said, 'ÆŒØŁĐÞ', 'æœøłđþ'), NFD), '[\u0300-\u036f]', '', 'g'),
        '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u02b0-\u02ff\u1680\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u303f\ufe00-\ufe6f\uff00-\uff0f\ufff0-\uffff\U0001f000-\U0001faff]+',
        ' ',
        'g'
    ) COLLATE "C"
);

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
