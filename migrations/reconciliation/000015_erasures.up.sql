-- A list without the elements that name one of these ids anywhere.
CREATE FUNCTION without_elements(list jsonb, ids text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT COALESCE(jsonb_agg(x.element ORDER BY x.n), '[]')
    FROM jsonb_array_elements(list) WITH ORDINALITY AS x (element, n)
    WHERE NOT EXISTS (SELECT FROM unnest(ids) AS i (id) WHERE strpos(x.element::text, to_json(i.id)::text) > 0)
$$;

-- Erases the tenant's items and decisions about a person, and takes the person out of the items of
-- others. texts are the person's object ids, sign-in names and addresses, in lower case. It tells how
-- many rows went. The service's own role may delete none of them: this is the one way.
CREATE FUNCTION erase_person(contact_ids text[], object_ids text[], texts text[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = reconciliation, pg_temp
AS $$
DECLARE
    tenant text := NULLIF(current_setting('app.tenant', true), '');
    items uuid[];
    n bigint;
    so jsonb := '{}';
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant';
    END IF;
    items := ARRAY(
        SELECT q.id FROM entra_contact_reconciliation_queue q
        WHERE q.tenant_id = tenant
          AND (q.entra_object_id = ANY (object_ids) OR lower(q.email) = ANY (texts) OR lower(q.user_principal_name) = ANY (texts))
        ORDER BY q.id FOR UPDATE);
    DELETE FROM queue_decisions d WHERE d.tenant_id = tenant AND d.item_id = ANY (items);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('queue_decisions', n);
    DELETE FROM entra_contact_reconciliation_queue q WHERE q.tenant_id = tenant AND q.id = ANY (items);
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('entra_contact_reconciliation_queue', n);
    UPDATE entra_contact_reconciliation_queue q
    SET candidates = without_elements(q.candidates, contact_ids || object_ids), peers = without_elements(q.peers, contact_ids || object_ids)
    WHERE q.tenant_id = tenant AND (q.candidates <> without_elements(q.candidates, contact_ids || object_ids)
        OR q.peers <> without_elements(q.peers, contact_ids || object_ids));
    GET DIAGNOSTICS n = ROW_COUNT; so := so || jsonb_build_object('candidates', n);
    -- An item is suggested for anew by its next sighting.
    UPDATE entra_contact_reconciliation_queue q SET suggestion = NULL, suggested_contact = NULL, suggested_for = '{}'
    WHERE q.tenant_id = tenant AND q.suggested_contact = ANY (contact_ids);
    RETURN (SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(so) WHERE value <> '0');
END $$;
REVOKE ALL ON FUNCTION erase_person(text[], text[], text[]), without_elements(jsonb, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_person(text[], text[], text[]) TO entrasync_reconciliation;
