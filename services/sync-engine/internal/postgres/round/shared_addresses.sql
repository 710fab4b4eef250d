-- name: shared_addresses
-- The hashes of addresses that several identities have which passed and have no link: equal
-- addresses have the same hash, of 8 bytes.
SELECT COALESCE(array_agg(h.hash), '{}')
FROM (
    SELECT hashtextextended(a.address, 0) AS hash
    FROM (
        SELECT unnest(string_to_array(s.addresses, ' ')) AS address
        FROM stage s
        WHERE s.failure IS NULL AND s.verdict IS NULL
          AND NOT EXISTS (SELECT FROM staged_link l WHERE l.n = s.n AND NOT l.waits)
    ) a
    GROUP BY 1 HAVING count(*) > 1
) h;
