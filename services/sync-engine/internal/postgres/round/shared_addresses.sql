-- name: shared_addresses
-- Whether any of those who passed and have no link share an address.
SELECT EXISTS (
    SELECT FROM stage s
    LEFT JOIN LATERAL (SELECT true AS found FROM staged_link l WHERE l.n = s.n AND NOT l.waits LIMIT 1) l ON true
    CROSS JOIN LATERAL unnest(string_to_array(s.addresses, ' ')) AS a (address)
    WHERE s.failure IS NULL AND s.verdict IS NULL AND l.found IS NULL
    GROUP BY a.address HAVING count(*) > 1);
