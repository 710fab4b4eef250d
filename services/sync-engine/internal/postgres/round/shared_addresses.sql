-- name: shared_addresses
-- The addresses of identities that passed, have no link and have an address of another one, too: equal
-- addresses have the same hash. Where two that differ have the same one, they are listed for nothing.
WITH listed AS MATERIALIZED (
    SELECT s.n, a.ord, a.address, hashtextextended(a.address, 0) AS hash
    FROM stage s
    CROSS JOIN LATERAL unnest(string_to_array(s.addresses, ' ')) WITH ORDINALITY AS a (address, ord)
    WHERE s.failure IS NULL AND s.verdict IS NULL
      AND NOT EXISTS (SELECT FROM staged_link l WHERE l.n = s.n AND NOT l.waits)
), sharing AS (
    SELECT DISTINCT l.n FROM listed l JOIN (SELECT hash FROM listed GROUP BY hash HAVING count(*) > 1) h ON h.hash = l.hash
)
INSERT INTO address (n, ord, address)
SELECT l.n, l.ord, l.address FROM listed l JOIN sharing s ON s.n = l.n;
