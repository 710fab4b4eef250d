-- name: decide_duplicates
-- Unlinked identities of the directory that share an address, found by sorting: no join that could
-- be planned badly.
CREATE INDEX IF NOT EXISTS address_n ON address (n, ord);
ANALYZE address;
INSERT INTO duplicate (n)
SELECT DISTINCT a.n
FROM (SELECT n, count(*) OVER (PARTITION BY address) AS sharing FROM address) a
WHERE a.sharing > 1;
ANALYZE duplicate;
