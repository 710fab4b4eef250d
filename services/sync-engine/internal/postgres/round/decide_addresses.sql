-- name: DecideAddresses
-- The addresses of the identities that passed and have no link, in the order they are tried.
INSERT INTO address (n, ord, address)
SELECT s.n, a.ord, a.address
FROM stage s
LEFT JOIN LATERAL (
    SELECT true AS found FROM entra_contact_links l WHERE l.entra_tenant_id = $1 AND l.entra_object_id = s.object_id LIMIT 1
) l ON true
CROSS JOIN LATERAL unnest(string_to_array(s.addresses, ' ')) WITH ORDINALITY AS a (address, ord)
WHERE s.failure IS NULL AND s.verdict IS NULL AND l.found IS NULL;
