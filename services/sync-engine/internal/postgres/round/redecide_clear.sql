-- name: redecide_clear
DELETE FROM plan WHERE n > @after AND n <= @up_to;
