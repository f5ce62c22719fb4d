INSERT INTO store_state (id, identity, reference_version) VALUES (1, lower(hex(randomblob(16))), 0);

CREATE TRIGGER municipality_insert_changes_reference AFTER INSERT ON municipality
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER municipality_update_changes_reference AFTER UPDATE ON municipality
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER municipality_delete_changes_reference AFTER DELETE ON municipality
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER region_insert_changes_reference AFTER INSERT ON region
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER region_update_changes_reference AFTER UPDATE ON region
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER region_delete_changes_reference AFTER DELETE ON region
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER region_shortage_insert_changes_reference AFTER INSERT ON region_shortage
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER region_shortage_update_changes_reference AFTER UPDATE ON region_shortage
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER region_shortage_delete_changes_reference AFTER DELETE ON region_shortage
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER theme_insert_changes_reference AFTER INSERT ON theme
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER theme_update_changes_reference AFTER UPDATE ON theme
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER theme_delete_changes_reference AFTER DELETE ON theme
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER support_kind_insert_changes_reference AFTER INSERT ON support_kind
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER support_kind_update_changes_reference AFTER UPDATE ON support_kind
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER support_kind_delete_changes_reference AFTER DELETE ON support_kind
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_insert_changes_reference AFTER INSERT ON initiative
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_update_changes_reference AFTER UPDATE ON initiative
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_delete_changes_reference AFTER DELETE ON initiative
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_partner_insert_changes_reference AFTER INSERT ON initiative_partner
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_partner_update_changes_reference AFTER UPDATE ON initiative_partner
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_partner_delete_changes_reference AFTER DELETE ON initiative_partner
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_school_insert_changes_reference AFTER INSERT ON initiative_school
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_school_update_changes_reference AFTER UPDATE ON initiative_school
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER initiative_school_delete_changes_reference AFTER DELETE ON initiative_school
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER education_system_insert_changes_reference AFTER INSERT ON education_system
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER education_system_update_changes_reference AFTER UPDATE ON education_system
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER education_system_delete_changes_reference AFTER DELETE ON education_system
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER education_element_insert_changes_reference AFTER INSERT ON education_element
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER education_element_update_changes_reference AFTER UPDATE ON education_element
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
CREATE TRIGGER education_element_delete_changes_reference AFTER DELETE ON education_element
BEGIN
    UPDATE store_state SET reference_version = reference_version + 1 WHERE id = 1;
END;
