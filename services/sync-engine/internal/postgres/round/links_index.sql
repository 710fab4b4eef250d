-- name: links_index
CREATE INDEX IF NOT EXISTS staged_link_n ON staged_link (n);
