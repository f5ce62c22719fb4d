DROP VIEW search_source;
DROP TABLE search_document;
