-- name: address_index
CREATE INDEX IF NOT EXISTS address_n ON address (n, ord);
