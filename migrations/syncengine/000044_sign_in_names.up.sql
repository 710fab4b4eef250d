-- A linked person is found by the sign-in name too. It is keyed as that of a kept identity is, and only
-- where the address does not say it already: of most people it is the same, and this is null. A column
-- that is computed would rewrite the table under lock, so whatever writes contacts, the programs of the
-- version before included, has it set by a trigger. Where the two are the same, which most are to the
-- letter, it folds no case and calls nothing: that would be felt in a first sync.
ALTER TABLE contacts ADD COLUMN upn_key text COLLATE "C";
CREATE FUNCTION key_sign_in_name() RETURNS trigger
    LANGUAGE plpgsql SET search_path = syncengine, pg_temp
AS $$
BEGIN
    NEW.upn_key := NULLIF(lower(NEW.entra_user_principal_name), NEW.email_norm);
    RETURN NEW;
END $$;
CREATE TRIGGER sign_in_name_keyed BEFORE INSERT OR UPDATE OF entra_user_principal_name, email_norm ON contacts FOR EACH ROW
    WHEN (CASE WHEN NEW.entra_user_principal_name = NEW.email_norm THEN NEW.upn_key IS NOT NULL
               ELSE NEW.upn_key IS DISTINCT FROM NULLIF(lower(NEW.entra_user_principal_name), NEW.email_norm) END)
    EXECUTE FUNCTION key_sign_in_name();
