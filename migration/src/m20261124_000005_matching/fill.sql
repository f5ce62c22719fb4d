INSERT INTO offer_reach (theme, place, offer_id)
SELECT theme, place, offer_id FROM offer_reach_source;

INSERT INTO need_theme (theme, need_id)
SELECT theme, need_id FROM need_theme_source;
