-- name: TenantsWithPeople :many
-- Whose names there may be, over all tenants.
SELECT tenant_id FROM tenants_with_people
WHERE tenant_id > @after::text
ORDER BY tenant_id
LIMIT @size;

-- name: ContactsToKey :many
-- Of the next contacts in order of their keys those whose key may be of another form than NameKey
-- gives now, and the last of them in any case: which n tells. One of small letters and digits alone
-- is the same in every form.
SELECT s.n, s.name_key, s.id, s.full_name, s.client_id
FROM (
    SELECT row_number() OVER (ORDER BY b.name_key, b.id)::integer AS n, b.name_key, b.id, b.full_name, b.client_id
    FROM (
        SELECT k.name_key, k.id, k.full_name, k.client_id FROM contacts k
        WHERE (k.name_key, k.id) > (@after_key::text, @after_id::uuid)
        ORDER BY k.name_key, k.id
        LIMIT @size
    ) b
) s
WHERE s.name_key ~ '[^a-z0-9 ]' OR s.n = @size
ORDER BY s.n;

-- name: LockClientHeads :many
-- Of these clients those whose contacts nobody writes until this transaction ends: a writer locks the head
-- of the client first. What has a lock already is left out, so that this waits for nobody.
SELECT h.client_id FROM client_heads h WHERE h.client_id = ANY (@client_ids::uuid[]) FOR NO KEY UPDATE SKIP LOCKED;

-- name: KeyContacts :execrows
-- Nothing but the key, of contacts of these clients whose key is still between these two. One that somebody
-- else writes just now is left to the next time. By their keys they are few whatever index is read, and
-- nothing is joined, which might be read once for each.
UPDATE contacts c
SET name_key = (@name_keys::text[])[array_position(@ids::uuid[], c.id)]
WHERE c.name_key >= @from_key::text AND c.name_key <= @to_key::text
  AND c.id = ANY (ARRAY(
      SELECT l.id FROM contacts l
      WHERE l.name_key >= @from_key::text AND l.name_key <= @to_key::text AND l.id = ANY (@ids::uuid[]) AND l.client_id = ANY (@client_ids::uuid[])
      FOR NO KEY UPDATE SKIP LOCKED))
  AND c.full_name = (@full_names::text[])[array_position(@ids::uuid[], c.id)];

-- name: NamesKeyed :exec
-- Whoever reads the contacts in order of their names begins again.
UPDATE feed_heads SET keyed = keyed + 1;

-- name: Keyed :one
-- How often names of the tenant were keyed anew.
SELECT COALESCE(max(keyed), 0)::bigint FROM feed_heads;

-- name: KeptToKey :many
-- Likewise of kept identities, in order of the primary key.
SELECT s.n, s.entra_tenant_id, s.entra_object_id, s.name_key, s.full_name
FROM (
    SELECT row_number() OVER (ORDER BY b.entra_tenant_id, b.entra_object_id)::integer AS n, b.entra_tenant_id, b.entra_object_id, b.name_key, b.full_name
    FROM (
        SELECT k.entra_tenant_id, k.entra_object_id, k.name_key, k.full_name FROM kept_identities k
        WHERE (k.entra_tenant_id, k.entra_object_id) > (@after_directory::text, @after_object::text)
        ORDER BY k.entra_tenant_id, k.entra_object_id
        LIMIT @size
    ) b
) s
WHERE s.name_key ~ '[^a-z0-9 ]' OR s.n = @size
ORDER BY s.n;

-- name: KeyKept :execrows
-- Likewise of one directory.
UPDATE kept_identities k
SET name_key = (@name_keys::text[])[array_position(@object_ids::text[], k.entra_object_id)]
WHERE k.entra_tenant_id = @directory::text
  AND k.entra_object_id = ANY (ARRAY(
      SELECT l.entra_object_id FROM kept_identities l
      WHERE l.entra_tenant_id = @directory::text AND l.entra_object_id = ANY (@object_ids::text[])
      FOR NO KEY UPDATE SKIP LOCKED))
  AND k.full_name = (@full_names::text[])[array_position(@object_ids::text[], k.entra_object_id)];

-- name: KeysAlone :exec
-- What the transaction writes from here on are keys: no version of a contact ends with them.
SELECT set_config('app.keys_alone', 'on', true);
