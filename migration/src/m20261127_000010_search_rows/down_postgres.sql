DROP INDEX search_document_by_words;
ALTER TABLE search_document
    ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (search_vector(title, keywords, body)) STORED;
CREATE INDEX search_document_by_words ON search_document USING gin (words);
ANALYZE search_document;
