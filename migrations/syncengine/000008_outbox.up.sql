-- What a change here must cause in other services, as pkg/outbox hands it out.
CREATE TABLE outbox (
    tenant_id    text COLLATE "C" NOT NULL DEFAULT NULLIF(current_setting('app.tenant', true), '')
                 CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id           uuid NOT NULL,
    number       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    actor_id     text NOT NULL,
    kind         text NOT NULL CHECK (kind <> ''),
    order_key    text,
    arguments    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(arguments) = 'object'),
    created_at   timestamptz NOT NULL,
    attempt      integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    leased_until timestamptz,
    done_at      timestamptz,
    dead_at      timestamptz,
    outcome      text CHECK (outcome IN ('done', 'failed')),
    result       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(result) = 'object'),
    PRIMARY KEY (tenant_id, id),
    CHECK ((done_at IS NULL) = (outcome IS NULL)),
    CHECK (dead_at IS NULL OR done_at IS NULL)
) WITH (fillfactor = 90);
CREATE INDEX outbox_open ON outbox (tenant_id, number) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_ended ON outbox (done_at) WHERE done_at IS NOT NULL;

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO entrasync_syncengine;

-- Over all tenants: ids, codes and times, nothing else.
GRANT SELECT (tenant_id, id, number, kind, order_key, attempt, leased_until, done_at, dead_at) ON outbox TO entrasync_syncengine_views;
CREATE POLICY views ON outbox FOR SELECT TO entrasync_syncengine_views USING (true);
CREATE VIEW effects_waiting AS
SELECT tenant_id, id, kind, order_key, number, leased_until FROM outbox WHERE done_at IS NULL AND dead_at IS NULL;
CREATE VIEW effects_dead AS
SELECT tenant_id, id, kind, attempt, dead_at FROM outbox WHERE dead_at IS NOT NULL;
CREATE VIEW effects_ended AS
SELECT tenant_id, done_at FROM outbox WHERE done_at IS NOT NULL;
ALTER VIEW effects_waiting OWNER TO entrasync_syncengine_views;
ALTER VIEW effects_dead OWNER TO entrasync_syncengine_views;
ALTER VIEW effects_ended OWNER TO entrasync_syncengine_views;
GRANT SELECT ON effects_waiting, effects_dead, effects_ended TO entrasync_syncengine_across;
