-- Connections through CIPP: no token of theirs is stored, so none has an expiry,
-- and the partner's tenant may be named by a domain.
ALTER TABLE entra_partner_connections
    DROP CONSTRAINT active_has_expiry,
    ADD CONSTRAINT active_has_expiry CHECK (
        CASE connection_type WHEN 'cipp' THEN token_expires_at IS NULL
        ELSE (secret_version IS NULL) = (token_expires_at IS NULL) END),
    DROP CONSTRAINT entra_partner_connections_partner_tenant_id_check,
    ADD CONSTRAINT entra_partner_connections_partner_tenant_id_check CHECK (char_length(partner_tenant_id) BETWEEN 1 AND 255);
