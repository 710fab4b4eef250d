-- A decision to relink marks links, and rounds find their contacts: how many it marked is what it
-- came to. What stands in relinked, created and ambiguous is of decisions made before.
ALTER TABLE orphan_decisions ADD COLUMN marked integer NOT NULL DEFAULT 0;
