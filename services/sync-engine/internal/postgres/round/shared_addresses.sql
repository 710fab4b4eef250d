-- name: shared_addresses
-- Whether any identities that passed and have no link may share an address: equal addresses have the same
-- hash. Where two that differ have the same one, addresses are listed for nothing.
SELECT EXISTS (
    SELECT FROM stage s
    CROSS JOIN LATERAL unnest(string_to_array(s.addresses, ' ')) AS a (address)
    WHERE s.failure IS NULL AND s.verdict IS NULL
      AND NOT EXISTS (SELECT FROM staged_link l WHERE l.n = s.n AND NOT l.waits)
    GROUP BY hashtextextended(a.address, 0) HAVING count(*) > 1);
