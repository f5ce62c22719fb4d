-- Each brings what is kept of the record that an event touches up to what the views say.
CREATE TRIGGER matching_offer_insert AFTER INSERT ON offer BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = NEW.id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = NEW.id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = NEW.id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_need_insert AFTER INSERT ON need BEGIN
    DELETE FROM need_theme
    WHERE need_id = NEW.id AND NOT EXISTS (
        SELECT 1 FROM need_theme_source AS source
        WHERE source.need_id = NEW.id AND source.theme = need_theme.theme
    );
    INSERT INTO need_theme (theme, need_id)
    SELECT theme, need_id FROM need_theme_source WHERE need_id = NEW.id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_update AFTER UPDATE ON offer BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = NEW.id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = NEW.id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = NEW.id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_need_update AFTER UPDATE ON need BEGIN
    DELETE FROM need_theme
    WHERE need_id = NEW.id AND NOT EXISTS (
        SELECT 1 FROM need_theme_source AS source
        WHERE source.need_id = NEW.id AND source.theme = need_theme.theme
    );
    INSERT INTO need_theme (theme, need_id)
    SELECT theme, need_id FROM need_theme_source WHERE need_id = NEW.id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_municipality_insert AFTER INSERT ON offer_municipality BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = NEW.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = NEW.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = NEW.offer_id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_municipality_update AFTER UPDATE ON offer_municipality BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = OLD.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = OLD.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = OLD.offer_id
    ON CONFLICT DO NOTHING;
    DELETE FROM offer_reach
    WHERE offer_id = NEW.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = NEW.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = NEW.offer_id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_municipality_delete AFTER DELETE ON offer_municipality BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = OLD.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = OLD.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = OLD.offer_id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_region_insert AFTER INSERT ON offer_region BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = NEW.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = NEW.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = NEW.offer_id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_region_update AFTER UPDATE ON offer_region BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = OLD.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = OLD.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = OLD.offer_id
    ON CONFLICT DO NOTHING;
    DELETE FROM offer_reach
    WHERE offer_id = NEW.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = NEW.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = NEW.offer_id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER matching_offer_region_delete AFTER DELETE ON offer_region BEGIN
    DELETE FROM offer_reach
    WHERE offer_id = OLD.offer_id AND NOT EXISTS (
        SELECT 1 FROM offer_reach_source AS source
        WHERE source.offer_id = OLD.offer_id AND source.theme = offer_reach.theme AND source.place = offer_reach.place
    );
    INSERT INTO offer_reach (theme, place, offer_id)
    SELECT theme, place, offer_id FROM offer_reach_source WHERE offer_id = OLD.offer_id
    ON CONFLICT DO NOTHING;
END;
