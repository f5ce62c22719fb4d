-- The homes of a municipality by their state and rent, and those of a stretch of land.
DROP INDEX housing_option_by_municipality;
DROP INDEX housing_option_by_latitude;
CREATE INDEX housing_option_by_municipality ON housing_option (municipality_code, status, rent_cents)
    INCLUDE (id, geo_x, geo_y, geo_z) WHERE deleted_at IS NULL;
CREATE INDEX housing_option_by_latitude ON housing_option (latitude, longitude)
    INCLUDE (id, municipality_code, status, geo_x, geo_y, geo_z) WHERE deleted_at IS NULL;
