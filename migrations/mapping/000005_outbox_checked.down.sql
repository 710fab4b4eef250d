-- The migration before takes the constraint away.
SELECT 1;
