-- Back to one table; partitions become its rows.
DROP TRIGGER contact_versions ON contacts;
DROP FUNCTION keep_contact_versions(), keep_feed_months(integer), keep_feed_months_at(timestamptz, integer);
DROP TABLE contact_versions;
ALTER TABLE contact_changes NO FORCE ROW LEVEL SECURITY;
CREATE TABLE contact_changes_all (LIKE contact_changes INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO contact_changes_all SELECT * FROM contact_changes;
DROP TABLE contact_changes;
ALTER TABLE contact_changes_all RENAME TO contact_changes;
ALTER TABLE contact_changes ADD PRIMARY KEY (tenant_id, seq);
ALTER TABLE contact_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contact_changes
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT ON contact_changes TO entrasync_syncengine;
