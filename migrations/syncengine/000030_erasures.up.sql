-- Erasure of people on request. What is left of a person is a keyed digest of what the person was
-- known by, so that no later round makes the person again.

CREATE TABLE erasures (
    tenant_id    text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id           uuid NOT NULL,
    -- Whoever asked for it, by id, and the number of their request.
    requested_by text NOT NULL,
    reference    text NOT NULL CHECK (length(reference) <= 200),
    -- Whom it is about, until it is done.
    person       jsonb,
    requested_at timestamptz NOT NULL,
    completed_at timestamptz,
    -- Since when the person may be synced again.
    lifted_at    timestamptz,
    -- How many rows went, by their table.
    erased       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(erased) = 'object'),
    PRIMARY KEY (tenant_id, id),
    CHECK ((completed_at IS NULL) = (person IS NOT NULL)),
    CHECK (lifted_at IS NULL OR completed_at IS NOT NULL)
);

-- HMAC-SHA256, under the tenant's key, of an object id or of an address.
CREATE TABLE erased_people (
    tenant_id  text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    erasure_id uuid NOT NULL,
    mark       bytea NOT NULL CHECK (length(mark) = 32),
    PRIMARY KEY (tenant_id, erasure_id, mark),
    FOREIGN KEY (tenant_id, erasure_id) REFERENCES erasures (tenant_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['erasures', 'erased_people'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON erasures TO entrasync_syncengine;
GRANT SELECT, INSERT, DELETE ON erased_people TO entrasync_syncengine;

-- An entry of the feed tells the host that the person is to be erased there too: the contact's id and
-- nothing else.
ALTER TABLE contact_changes
    ADD CONSTRAINT contact_changes_kinds CHECK (type IN ('contact.created', 'contact.linked', 'contact.updated', 'contact.inactivated',
        'contact.reactivated', 'contact.deleted', 'contact.erased', 'client.created')) NOT VALID,
    DROP CONSTRAINT contact_changes_types;

-- A document without these texts where they are whole values.
CREATE FUNCTION without_texts(document jsonb, texts text[]) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    plain text := document::text;
    one text;
BEGIN
    FOREACH one IN ARRAY texts LOOP
        plain := replace(plain, to_json(one)::text, '"[erased]"');
    END LOOP;
    RETURN plain::jsonb;
END $$;

-- Erases the tenant's rows about a person, and of rows about others what names the person. texts are
-- the person's object ids, sign-in names and addresses, in lower case. It tells how many rows went.
-- The engine's own role may delete none of them: this is the one way.
CREATE FUNCTION erase_person(contact_ids uuid[], object_ids text[], directory_ids text[], texts text[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = syncengine, pg_temp
AS $$
DECLARE
    tenant text := NULLIF(current_setting('app.tenant', true), '');
    n bigint;
    so jsonb := '{}';
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant';
    END IF;
    DELETE FROM identity_resolutions r WHERE r.tenant_id = tenant
        AND (r.contact_id = ANY (contact_ids) OR r.entra_object_id = ANY (object_ids));
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('identity_resolutions', n);
    DELETE FROM entra_contact_link_history h WHERE h.tenant_id = tenant
        AND (h.old_contact_id = ANY (contact_ids) OR h.new_contact_id = ANY (contact_ids)
            OR h.entra_object_id = ANY (object_ids));
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('entra_contact_link_history', n);
    DELETE FROM entra_contact_links l WHERE l.tenant_id = tenant
        AND (l.contact_id = ANY (contact_ids) OR l.entra_object_id = ANY (object_ids));
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('entra_contact_links', n);
    DELETE FROM contact_versions v WHERE v.tenant_id = tenant AND v.contact_id = ANY (contact_ids);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('contact_versions', n);
    DELETE FROM contacts c WHERE c.tenant_id = tenant AND c.id = ANY (contact_ids);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('contacts', n);
    DELETE FROM kept_identities k WHERE k.tenant_id = tenant AND k.entra_object_id = ANY (object_ids);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('kept_identities', n);
    DELETE FROM held_identities i WHERE i.tenant_id = tenant AND i.entra_object_id = ANY (object_ids);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('held_identities', n);
    DELETE FROM rejected_inactivations i WHERE i.tenant_id = tenant AND i.entra_object_id = ANY (object_ids);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('rejected_inactivations', n);
    DELETE FROM entra_run_identities i WHERE i.tenant_id = tenant
        AND (i.entra_object_id = ANY (object_ids) OR i.contact_id = ANY (contact_ids)
            OR lower(i.user_principal_name) = ANY (texts));
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('entra_run_identities', n);
    UPDATE entra_sync_run_tenants t SET failures = COALESCE((
            SELECT jsonb_agg(f) FROM jsonb_array_elements(t.failures) f WHERE without_texts(f, object_ids) = f), '[]')
    WHERE t.tenant_id = tenant AND t.failures <> '[]' AND without_texts(t.failures, object_ids) <> t.failures;
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('entra_sync_run_tenants', n);
    -- What a directory comes to is counted anew by its next round.
    UPDATE directories d SET standing = NULL WHERE d.tenant_id = tenant AND d.entra_tenant_id = ANY (directory_ids);
    UPDATE entra_sync_settings s
    SET always_include = ARRAY(SELECT e FROM unnest(s.always_include) e WHERE e <> ALL (texts)),
        never_include = ARRAY(SELECT e FROM unnest(s.never_include) e WHERE e <> ALL (texts)), version = s.version + 1
    WHERE s.tenant_id = tenant AND (s.always_include || s.never_include) && texts;
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('entra_sync_settings', n);
    UPDATE managed_tenant_settings s
    SET always_include = CASE WHEN s.always_include IS NOT NULL THEN ARRAY(SELECT e FROM unnest(s.always_include) e WHERE e <> ALL (texts)) END,
        never_include = CASE WHEN s.never_include IS NOT NULL THEN ARRAY(SELECT e FROM unnest(s.never_include) e WHERE e <> ALL (texts)) END,
        version = s.version + 1
    WHERE s.tenant_id = tenant AND (COALESCE(s.always_include, '{}') || COALESCE(s.never_include, '{}')) && texts;
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('managed_tenant_settings', n);
    UPDATE settings_changes s SET before = without_texts(s.before, texts), after = without_texts(s.after, texts)
    WHERE s.tenant_id = tenant AND (without_texts(s.before, texts) <> s.before OR without_texts(s.after, texts) <> s.after);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('settings_changes', n);
    RETURN (SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(so) WHERE value <> '0');
END $$;
REVOKE ALL ON FUNCTION erase_person(uuid[], text[], text[], text[]), without_texts(jsonb, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_person(uuid[], text[], text[], text[]) TO entrasync_syncengine;
