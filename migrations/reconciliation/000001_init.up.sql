CREATE TABLE entra_contact_reconciliation_queue (
    tenant_id           text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                  uuid NOT NULL,
    managed_tenant_id   text COLLATE "C" NOT NULL CHECK (managed_tenant_id <> ''),
    entra_tenant_id     text COLLATE "C" NOT NULL CHECK (entra_tenant_id <> ''),
    entra_object_id     text COLLATE "C" NOT NULL CHECK (entra_object_id <> ''),
    user_principal_name text NOT NULL,
    display_name        text NOT NULL,
    email               text NOT NULL,
    client_id           text COLLATE "C" NOT NULL CHECK (client_id <> ''),
    candidates          jsonb NOT NULL CHECK (jsonb_typeof(candidates) = 'array'),
    reason              text NOT NULL CHECK (reason IN (
        'multiple_email_matches', 'contact_already_linked', 'duplicate_identity_email', 'email_in_use_elsewhere')),
    fingerprint         text COLLATE "C" NOT NULL CHECK (fingerprint <> ''),
    status              text NOT NULL CHECK (status IN ('open', 'resolved', 'dismissed', 'superseded')),
    first_run_id        uuid NOT NULL,
    last_run_id         uuid NOT NULL,
    created_at          timestamptz NOT NULL,
    last_seen_at        timestamptz NOT NULL,
    decided_by          text,
    decided_at          timestamptz,
    superseded_at       timestamptz,
    PRIMARY KEY (tenant_id, id),
    -- A decision has a person and a time, and nothing else has.
    CHECK ((status IN ('resolved', 'dismissed')) = (decided_by IS NOT NULL)),
    CHECK ((status IN ('resolved', 'dismissed')) = (decided_at IS NOT NULL)),
    CHECK ((status = 'superseded') = (superseded_at IS NOT NULL)),
    CHECK (last_seen_at >= created_at)
);

-- At most one open item per identity.
CREATE UNIQUE INDEX entra_contact_reconciliation_queue_open
    ON entra_contact_reconciliation_queue (tenant_id, entra_tenant_id, entra_object_id)
    WHERE status = 'open';

-- What a person decided, found by the facts it was decided on.
CREATE INDEX entra_contact_reconciliation_queue_decided
    ON entra_contact_reconciliation_queue (tenant_id, entra_tenant_id, entra_object_id, fingerprint)
    WHERE status IN ('resolved', 'dismissed');

-- The list, oldest first, of all items and of one status.
CREATE INDEX entra_contact_reconciliation_queue_age
    ON entra_contact_reconciliation_queue (tenant_id, created_at, id);
CREATE INDEX entra_contact_reconciliation_queue_status
    ON entra_contact_reconciliation_queue (tenant_id, status, created_at, id);

ALTER TABLE entra_contact_reconciliation_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE entra_contact_reconciliation_queue FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON entra_contact_reconciliation_queue
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));

-- Nothing is ever deleted here.
GRANT SELECT, INSERT, UPDATE ON entra_contact_reconciliation_queue TO entrasync_reconciliation;
