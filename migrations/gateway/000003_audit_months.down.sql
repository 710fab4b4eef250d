-- Back to one table; partitions become its rows.
ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
CREATE TABLE audit_events_all (LIKE audit_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO audit_events_all SELECT * FROM audit_events;
DROP TABLE audit_events;
DROP FUNCTION keep_audit_months(integer), keep_audit_months_at(timestamptz, integer), audit_month_id(date);
ALTER TABLE audit_events_all DROP COLUMN attempts;
ALTER TABLE audit_events_all RENAME TO audit_events;
ALTER TABLE audit_events ADD PRIMARY KEY (id);
CREATE INDEX audit_events_page ON audit_events (tenant_id, id DESC);
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_events
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
CREATE POLICY platform ON audit_events
    USING (tenant_id IS NULL AND (SELECT NULLIF(current_setting('app.tenant', true), '')) IS NULL)
    WITH CHECK (tenant_id IS NULL AND (SELECT NULLIF(current_setting('app.tenant', true), '')) IS NULL);
GRANT SELECT, INSERT ON audit_events TO entrasync_gateway;
