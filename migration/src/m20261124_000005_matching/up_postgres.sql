-- Brings what is kept of these offers up to what `offer_reach_source` says; writes only what differs.
CREATE FUNCTION offer_reach_refresh(ids uuid[]) RETURNS void
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

CREATE FUNCTION matching_follow_need() RETURNS trigger
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
CREATE TRIGGER matching_follows_insert AFTER INSERT ON need
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_need();
CREATE TRIGGER matching_follows_update AFTER UPDATE ON need
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION matching_follow_need();
