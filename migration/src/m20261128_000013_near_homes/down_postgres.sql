DROP INDEX housing_option_by_municipality;
DROP INDEX housing_option_by_latitude;
CREATE INDEX housing_option_by_municipality ON housing_option (municipality_code, status, rent_cents);
CREATE INDEX housing_option_by_latitude ON housing_option (latitude, longitude);
