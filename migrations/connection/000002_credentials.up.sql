-- The ways in: which app a grant belongs to, and the consent of a managed
-- tenant's administrator as a second kind of flow.

-- A grant is good for the app that it was given to and for no other. Empty
-- where it was given before this was kept.
ALTER TABLE entra_partner_connections
    ADD COLUMN client_id text NOT NULL DEFAULT '' CHECK (char_length(client_id) <= 128),
    -- Raised when the tokens that replicas keep for managed tenants are void.
    ADD COLUMN customer_epoch bigint NOT NULL DEFAULT 0;

ALTER TABLE pending_grants
    ADD COLUMN client_id text NOT NULL DEFAULT '' CHECK (char_length(client_id) <= 128);

-- An administrator's consent names the managed tenant it is asked for and has
-- no verifier: no code comes back.
ALTER TABLE oauth_states
    ADD COLUMN kind text NOT NULL DEFAULT 'connect' CHECK (kind IN ('connect', 'admin_consent')),
    ADD COLUMN managed_tenant_id text CHECK (char_length(managed_tenant_id) BETWEEN 1 AND 64),
    ADD CONSTRAINT consent_names_tenant CHECK ((kind = 'admin_consent') = (managed_tenant_id IS NOT NULL)),
    ADD CONSTRAINT consent_has_no_verifier CHECK (kind = 'connect' OR sealed_verifier IS NULL);
