-- A session keeps its id while its token is replaced: signing out ends all tokens of it, and a
-- flow that was started in it ends in it. Nothing has written sessions before this.
ALTER TABLE sessions ADD COLUMN session_id uuid NOT NULL DEFAULT gen_random_uuid();
CREATE INDEX sessions_actor ON sessions (tenant_id, actor_id, created_at);
CREATE INDEX sessions_id ON sessions (tenant_id, session_id);
