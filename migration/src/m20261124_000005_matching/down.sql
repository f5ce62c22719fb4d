DROP VIEW need_theme_source;
DROP VIEW offer_reach_source;
DROP VIEW offer_place;
DROP VIEW theme_bit;
DROP TABLE need_theme;
DROP TABLE offer_reach;
