-- The audit trail also tells of what no person and no platform call did: a
-- connection that failed by Microsoft's answer.
ALTER TABLE audit_events
    DROP CONSTRAINT audit_events_actor_type_check,
    ADD CONSTRAINT audit_events_actor_type_check CHECK (actor_type IN ('user', 'platform', 'system'));
