-- name: DecideDuplicates
-- Unlinked identities of the directory that share an address.
CREATE INDEX IF NOT EXISTS address_n ON address (n, ord);
ANALYZE address;
INSERT INTO duplicate (n)
SELECT DISTINCT a.n FROM address a
JOIN (SELECT address FROM address GROUP BY address HAVING count(*) > 1) shared USING (address);
ANALYZE duplicate;
