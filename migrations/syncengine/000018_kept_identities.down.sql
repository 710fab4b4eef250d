DROP TABLE kept_identities;
