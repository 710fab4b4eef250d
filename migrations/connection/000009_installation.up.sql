-- Who this installation is where a store of secrets is shared with others: an id
-- that the service makes once, so that no two databases made from one template
-- have the same.
CREATE TABLE installation (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    id   uuid NOT NULL
);
GRANT SELECT, INSERT ON installation TO entrasync_connection;
