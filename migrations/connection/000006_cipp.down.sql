-- Rows that older code could not have written stay as they are.
ALTER TABLE entra_partner_connections
    DROP CONSTRAINT active_has_expiry,
    ADD CONSTRAINT active_has_expiry CHECK ((secret_version IS NULL) = (token_expires_at IS NULL)) NOT VALID,
    DROP CONSTRAINT entra_partner_connections_partner_tenant_id_check,
    ADD CONSTRAINT entra_partner_connections_partner_tenant_id_check CHECK (char_length(partner_tenant_id) BETWEEN 1 AND 64) NOT VALID;
