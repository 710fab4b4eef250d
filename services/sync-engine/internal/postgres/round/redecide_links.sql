-- name: redecide_links
DELETE FROM staged_link WHERE n > @after AND n <= @up_to;
