-- name: redecide_takeover
DELETE FROM takeover WHERE n > @after AND n <= @up_to;
