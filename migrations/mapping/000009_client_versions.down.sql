DROP TRIGGER clients_version ON clients;
DROP FUNCTION raise_version();
ALTER TABLE clients DROP COLUMN version;
