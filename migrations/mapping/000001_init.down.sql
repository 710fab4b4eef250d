DROP VIEW waiting_effects;
DROP TABLE outbox;
DROP TABLE entra_client_tenant_mappings;
DROP TABLE client_domains;
DROP TABLE clients;
DROP TABLE entra_mapping_heads;
