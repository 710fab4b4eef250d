-- What of a tenant's own app registration is no secret stands in the row, so that
-- it is known while the store of the secrets cannot be reached. Null where it was
-- set before this was kept.
ALTER TABLE app_credentials
    ADD COLUMN client_id text,
    ADD COLUMN customer_access text,
    ADD CONSTRAINT app_credentials_client_id CHECK (char_length(client_id) BETWEEN 1 AND 128) NOT VALID,
    ADD CONSTRAINT app_credentials_customer_access CHECK (customer_access IN ('delegated', 'app_only')) NOT VALID,
    ADD CONSTRAINT identity_is_whole CHECK ((client_id IS NULL) = (customer_access IS NULL)) NOT VALID;
