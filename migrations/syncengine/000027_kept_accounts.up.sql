-- What tells identities apart that share an address: a round that hears of changes alone knows it of
-- those that did not change.
ALTER TABLE kept_identities
    -- Null when it is not known.
    ADD COLUMN licences integer,
    ADD COLUMN user_type text NOT NULL DEFAULT '';
