-- The views belong to another role, which the owner is a member of.
SET LOCAL ROLE entrasync_gateway_views;
DROP VIEW flag_targets, session_tenants;
SET LOCAL ROLE entrasync_owner;
DROP TABLE sessions, idempotency_keys, audit_events, feature_flag_tenants, feature_flags;
