-- name: redecide_addresses
DELETE FROM address WHERE n > @after AND n <= @up_to;
