DROP TABLE stream_shape;

ALTER TABLE checkpoint DROP COLUMN mapping_version;

ALTER TABLE sync_run DROP COLUMN drift;

ALTER TABLE source DROP COLUMN failures;
