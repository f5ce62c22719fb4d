INSERT INTO search_document (record_id, record_type, title, keywords, body)
SELECT record_id, record_type, title, keywords, body
FROM search_source;
