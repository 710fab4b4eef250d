-- The owner sees every tenant's rows only while the rule is not forced on it.
ALTER TABLE oauth_states NO FORCE ROW LEVEL SECURITY;
DELETE FROM oauth_states WHERE kind <> 'connect';
ALTER TABLE oauth_states FORCE ROW LEVEL SECURITY;
ALTER TABLE oauth_states DROP COLUMN kind, DROP COLUMN managed_tenant_id;
ALTER TABLE pending_grants DROP COLUMN client_id;
ALTER TABLE entra_partner_connections DROP COLUMN client_id, DROP COLUMN customer_epoch;
