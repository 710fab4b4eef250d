DROP VIEW connected_tenants;
REVOKE SELECT (status) ON entra_partner_connections FROM entrasync_connection_views;
