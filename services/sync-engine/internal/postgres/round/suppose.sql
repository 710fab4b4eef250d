-- name: suppose
-- Contacts and links of the session: those of the tenant, and over them what the run would have written
-- before this round. A session's own relations come before those of any schema, so that the round's
-- statements read these. They have the columns that a decision and a report read.
CREATE TEMP TABLE supposed (
    id              uuid NOT NULL PRIMARY KEY,
    client_id       uuid NOT NULL,
    full_name       text NOT NULL,
    email           text NOT NULL,
    email_norm      text COLLATE "C",
    inactive        boolean NOT NULL,
    entra_tenant_id text COLLATE "C" NOT NULL,
    entra_object_id text COLLATE "C" NOT NULL,
    upn             text NOT NULL
);
CREATE INDEX supposed_email ON supposed (email_norm);
CREATE INDEX supposed_object ON supposed (entra_object_id);
CREATE TEMP VIEW contacts AS
SELECT c.id, c.client_id, c.full_name, c.email, c.email_norm, c.phone, c.role, c.sign_in_name, c.inactive, c.inactivated_by_sync, c.deleted,
       c.entra_tenant_id, c.entra_object_id, c.entra_sync_status, c.entra_sync_status_reason, c.entra_user_principal_name, c.entra_account_enabled
FROM syncengine.contacts c
WHERE NOT EXISTS (SELECT FROM supposed s WHERE s.id = c.id)
UNION ALL
SELECT s.id, s.client_id, s.full_name, s.email, s.email_norm, '', '', '', s.inactive, false, false,
       s.entra_tenant_id, s.entra_object_id, 'active', NULL, s.upn, true
FROM supposed s;
CREATE TEMP VIEW entra_contact_links AS
SELECT l.entra_tenant_id, l.entra_object_id, l.contact_id, l.client_id, l.status, l.gone_at, l.created_at, l.ended_at, l.relink_client_id, l.relink_decision_id
FROM syncengine.entra_contact_links l
UNION ALL
SELECT s.entra_tenant_id, s.entra_object_id, s.id, s.client_id, 'active', NULL, now(), NULL, NULL, NULL
FROM supposed s;
