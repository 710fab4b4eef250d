-- NOT VALID: what was written stays, for rows are never changed.
ALTER TABLE audit_events
    DROP CONSTRAINT audit_events_actor_type_check,
    ADD CONSTRAINT audit_events_actor_type_check CHECK (actor_type IN ('user', 'platform')) NOT VALID;
