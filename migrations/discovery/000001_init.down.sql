DROP VIEW entra_managed_tenants_seen;
DROP TABLE entra_managed_tenant_domains;
DROP TABLE entra_managed_tenants;
DROP TABLE entra_discoveries;
DROP TABLE entra_discovery_heads;
