ALTER TABLE kept_identities DROP COLUMN licences, DROP COLUMN user_type;
