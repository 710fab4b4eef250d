-- A disconnect ends the flows under way. One that has used its state up, and is
-- redeeming its code, hears of it when it stores what it got.
ALTER TABLE oauth_states ADD COLUMN ended_at timestamptz;
