-- Which tenants have a connection: what recurs is scheduled for them. Over all tenants, ids alone.
GRANT SELECT (status) ON entra_partner_connections TO entrasync_connection_views;
CREATE VIEW connected_tenants AS
SELECT tenant_id FROM entra_partner_connections WHERE status IN ('connected', 'validation_failed');
GRANT SELECT ON connected_tenants TO entrasync_connection_across;
ALTER VIEW connected_tenants OWNER TO entrasync_connection_views;
