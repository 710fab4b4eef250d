-- What a host reads, to change a client only if nobody has changed it since. It rises with every change
-- of the row, whatever statement writes it: also those of an earlier version that still runs.
ALTER TABLE clients ADD COLUMN version bigint NOT NULL DEFAULT 1;

CREATE FUNCTION raise_version() RETURNS trigger
    LANGUAGE plpgsql SET search_path = mapping, pg_temp
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER clients_version BEFORE UPDATE ON clients
    FOR EACH ROW EXECUTE FUNCTION raise_version();
