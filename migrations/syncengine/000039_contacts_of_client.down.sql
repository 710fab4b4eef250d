CREATE INDEX contacts_client ON contacts (client_id, id);
DROP INDEX contacts_of_client;
