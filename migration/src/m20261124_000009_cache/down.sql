DROP TABLE store_state;

ALTER TABLE change DROP COLUMN need_id;
