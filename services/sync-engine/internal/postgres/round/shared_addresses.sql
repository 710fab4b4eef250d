-- name: shared_addresses
-- Whether any of those who passed and have no link may share an address: those that do have the same
-- hash. Where two that differ have it too, addresses are listed in vain.
SELECT EXISTS (
    SELECT FROM stage s
    CROSS JOIN LATERAL unnest(string_to_array(s.addresses, ' ')) AS a (address)
    WHERE s.failure IS NULL AND s.verdict IS NULL
      AND NOT EXISTS (SELECT FROM staged_link l WHERE l.n = s.n AND NOT l.waits)
    GROUP BY hashtextextended(a.address, 0) HAVING count(*) > 1);
