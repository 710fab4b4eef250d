-- name: decide_addresses
-- The addresses of the identities that passed and have no link, in the order they are tried. A
-- link that a person ended is none, nor is one that is to be given to a contact of this client. With hashes,
-- of those alone who have an address with one of them.
INSERT INTO address (n, ord, address)
SELECT s.n, a.ord, a.address
FROM stage s
LEFT JOIN LATERAL (SELECT true AS found FROM staged_link l WHERE @links AND l.n = s.n AND NOT l.waits LIMIT 1) l ON true
CROSS JOIN LATERAL unnest(string_to_array(s.addresses, ' ')) WITH ORDINALITY AS a (address, ord)
WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL AND s.verdict IS NULL AND l.found IS NULL
  AND (@hashes::bigint[] IS NULL OR EXISTS (
      SELECT FROM unnest(string_to_array(s.addresses, ' ')) AS b (address) WHERE hashtextextended(b.address, 0) = ANY (@hashes::bigint[]) OFFSET 0));
