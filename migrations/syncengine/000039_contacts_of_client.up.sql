-- A list of a client's contacts says how many there are: counted by the index alone, without looking at
-- a page of the table for each.
CREATE INDEX contacts_of_client ON contacts (client_id, id) INCLUDE (tenant_id, deleted);
DROP INDEX contacts_client;
