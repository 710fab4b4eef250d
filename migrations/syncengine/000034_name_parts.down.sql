DROP TRIGGER name_parts_made ON contacts;
DROP TRIGGER name_parts_changed ON contacts;
DROP TRIGGER name_parts_erased ON contacts;
DROP FUNCTION add_name_parts(), change_name_parts();
DROP TABLE contact_name_parts;
