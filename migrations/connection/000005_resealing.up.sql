-- Rotation of the master key: what an older key sealed is found and sealed
-- again, so that the older key can go.

-- Which key sealed a value stands in the value: Tink's prefix is one byte 0x01
-- and the key's id in four, big endian. For secrets the column exists.
ALTER TABLE oauth_states ADD COLUMN key_id bigint GENERATED ALWAYS AS (
    CASE WHEN octet_length(sealed_verifier) >= 5 THEN
        (get_byte(sealed_verifier, 1)::bigint << 24) | (get_byte(sealed_verifier, 2)::bigint << 16)
        | (get_byte(sealed_verifier, 3)::bigint << 8) | get_byte(sealed_verifier, 4)::bigint
    END) STORED;
ALTER TABLE pending_grants ADD COLUMN key_id bigint GENERATED ALWAYS AS (
    CASE WHEN octet_length(sealed_grant) >= 5 THEN
        (get_byte(sealed_grant, 1)::bigint << 24) | (get_byte(sealed_grant, 2)::bigint << 16)
        | (get_byte(sealed_grant, 3)::bigint << 8) | get_byte(sealed_grant, 4)::bigint
    END) STORED;

-- A version's value never changes; only what it is sealed with does.
GRANT UPDATE (sealed, key_id) ON secrets TO entrasync_connection;

GRANT SELECT (key_id) ON secrets, oauth_states, pending_grants TO entrasync_connection_views;

-- One row per sealed value: whose it is and which key sealed it.
CREATE VIEW sealing_keys AS
    SELECT tenant_id, key_id FROM secrets
    UNION ALL
    SELECT tenant_id, key_id FROM oauth_states WHERE key_id IS NOT NULL
    UNION ALL
    SELECT tenant_id, key_id FROM pending_grants WHERE key_id IS NOT NULL;
GRANT SELECT ON sealing_keys TO entrasync_connection_across;
ALTER VIEW sealing_keys OWNER TO entrasync_connection_views;
