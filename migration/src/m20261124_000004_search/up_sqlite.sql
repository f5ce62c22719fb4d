-- The words of documents, in lower case and without accents. FTS5 has no Dutch stems: which words share one is found out
-- when a question is read, in the list of all words.
CREATE VIRTUAL TABLE search_index USING fts5 (
    title, keywords, body,
    content = 'search_document', content_rowid = 'number',
    tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab (search_index, 'row');

CREATE TRIGGER search_document_insert AFTER INSERT ON search_document BEGIN
    INSERT INTO search_index (rowid, title, keywords, body) VALUES (NEW.number, NEW.title, NEW.keywords, NEW.body);
END;
CREATE TRIGGER search_document_delete AFTER DELETE ON search_document BEGIN
    INSERT INTO search_index (search_index, rowid, title, keywords, body)
    VALUES ('delete', OLD.number, OLD.title, OLD.keywords, OLD.body);
END;
CREATE TRIGGER search_document_update AFTER UPDATE ON search_document BEGIN
    INSERT INTO search_index (search_index, rowid, title, keywords, body)
    VALUES ('delete', OLD.number, OLD.title, OLD.keywords, OLD.body);
    INSERT INTO search_index (rowid, title, keywords, body) VALUES (NEW.number, NEW.title, NEW.keywords, NEW.body);
END;

-- Each brings the documents of the records that an event touches up to what `search_source` says, and writes only what
-- differs. SQLite has one writer: nobody renames what somebody else is reading.
CREATE TRIGGER search_school_insert AFTER INSERT ON school BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_school_update AFTER UPDATE ON school BEGIN
    DELETE FROM search_document WHERE record_id = NEW.id AND NEW.deleted_at IS NOT NULL;
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_school_delete AFTER DELETE ON school BEGIN
    DELETE FROM search_document WHERE record_id = OLD.id;
END;
CREATE TRIGGER search_partner_insert AFTER INSERT ON partner BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_partner_update AFTER UPDATE ON partner BEGIN
    DELETE FROM search_document WHERE record_id = NEW.id AND NEW.deleted_at IS NOT NULL;
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_partner_delete AFTER DELETE ON partner BEGIN
    DELETE FROM search_document WHERE record_id = OLD.id;
END;
CREATE TRIGGER search_need_insert AFTER INSERT ON need BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_need_update AFTER UPDATE ON need BEGIN
    DELETE FROM search_document WHERE record_id = NEW.id AND NEW.deleted_at IS NOT NULL;
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_need_delete AFTER DELETE ON need BEGIN
    DELETE FROM search_document WHERE record_id = OLD.id;
END;
CREATE TRIGGER search_offer_insert AFTER INSERT ON offer BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_update AFTER UPDATE ON offer BEGIN
    DELETE FROM search_document WHERE record_id = NEW.id AND NEW.deleted_at IS NOT NULL;
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_delete AFTER DELETE ON offer BEGIN
    DELETE FROM search_document WHERE record_id = OLD.id;
END;
CREATE TRIGGER search_initiative_insert AFTER INSERT ON initiative BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_initiative_update AFTER UPDATE ON initiative BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_initiative_delete AFTER DELETE ON initiative BEGIN
    DELETE FROM search_document WHERE record_id = OLD.id;
END;
CREATE TRIGGER search_offer_municipality_insert AFTER INSERT ON offer_municipality BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.offer_id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_municipality_update AFTER UPDATE ON offer_municipality BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id IN (OLD.offer_id, NEW.offer_id)
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_municipality_delete AFTER DELETE ON offer_municipality BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = OLD.offer_id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_region_insert AFTER INSERT ON offer_region BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = NEW.offer_id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_region_update AFTER UPDATE ON offer_region BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id IN (OLD.offer_id, NEW.offer_id)
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_offer_region_delete AFTER DELETE ON offer_region BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id = OLD.offer_id
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_school_name AFTER UPDATE ON school
WHEN OLD.name <> NEW.name OR OLD.brin <> NEW.brin OR OLD.city IS NOT NEW.city
    OR OLD.municipality_code IS NOT NEW.municipality_code BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id IN (SELECT need.id FROM need WHERE need.school_id = NEW.id)
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_partner_name AFTER UPDATE ON partner WHEN OLD.name <> NEW.name BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id IN (SELECT offer.id FROM offer WHERE offer.partner_id = NEW.id)
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_municipality_name AFTER UPDATE ON municipality WHEN OLD.name <> NEW.name BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id IN (
        SELECT school.id FROM school WHERE school.municipality_code = NEW.code
        UNION ALL
        SELECT need.id FROM need INNER JOIN school ON school.id = need.school_id
        WHERE school.municipality_code = NEW.code
        UNION ALL
        SELECT offer_municipality.offer_id FROM offer_municipality
        WHERE offer_municipality.municipality_code = NEW.code
        UNION ALL
        SELECT initiative.id FROM initiative WHERE initiative.municipality_code = NEW.code
    )
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
CREATE TRIGGER search_region_name AFTER UPDATE ON region WHEN OLD.name <> NEW.name BEGIN
    INSERT INTO search_document (record_id, record_type, title, keywords, body)
    SELECT record_id, record_type, title, keywords, body FROM search_source WHERE record_id IN (
        SELECT offer_region.offer_id FROM offer_region WHERE offer_region.region_slug = NEW.slug
        UNION ALL
        SELECT initiative.id FROM initiative WHERE initiative.region_slug = NEW.slug
    )
    ON CONFLICT (record_id) DO UPDATE SET title = excluded.title, keywords = excluded.keywords, body = excluded.body
    WHERE title <> excluded.title OR keywords <> excluded.keywords OR body <> excluded.body;
END;
