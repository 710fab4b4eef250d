DROP TRIGGER sign_in_name_keyed ON contacts;
DROP FUNCTION key_sign_in_name();
ALTER TABLE contacts DROP COLUMN upn_key;
