DROP TABLE audit_entry;
DROP TABLE audit_retention;
DROP TABLE idempotency_key;
DROP INDEX claim_by_external_id;
ALTER TABLE claim DROP COLUMN status_at;
