ALTER TABLE app_credentials DROP COLUMN client_id, DROP COLUMN customer_access;
