DROP INDEX kept_identities_name, kept_identities_upn, kept_identities_email;
ALTER TABLE kept_identities DROP COLUMN upn_key;
