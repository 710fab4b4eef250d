-- The time of the tenant's last change: that of the next one is the same or later, whoever's clock is behind,
-- so that a time of the feed is a place in it, and its months lie one behind the other.
ALTER TABLE feed_heads ADD COLUMN at timestamptz NOT NULL DEFAULT 'epoch';
