-- Reads the whole table, which a migration of its own does under a lock that stops no writer.
ALTER TABLE app_credentials
    VALIDATE CONSTRAINT app_credentials_client_id,
    VALIDATE CONSTRAINT app_credentials_customer_access,
    VALIDATE CONSTRAINT identity_is_whole;
