CREATE TRIGGER audit_entry_is_not_changed BEFORE UPDATE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_entry_is_not_deleted BEFORE DELETE ON audit_entry
WHEN OLD.at >= coalesce((SELECT ends_before FROM audit_retention WHERE id = 1), '')
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
