-- The links have ended: which contacts they had stands in their history.
SELECT 1;
