-- name: redecide_match
DELETE FROM match WHERE n > @after AND n <= @up_to;
