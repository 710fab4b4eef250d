DROP VIEW outbox_open, sweepable, oauth_state_tenants;
DROP TABLE outbox, app_credentials, secrets, pending_grants, oauth_states, entra_partner_connections;
