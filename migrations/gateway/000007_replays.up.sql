-- When a person had messages sent again: what was delivered before does not count. Null for an endpoint
-- that an earlier version made; its updated_at stands for it until the endpoint is changed.
ALTER TABLE webhooks ADD COLUMN replayed_at timestamptz;
