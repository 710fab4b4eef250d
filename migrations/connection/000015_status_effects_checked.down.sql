-- The migration before changes the constraint back.
SELECT;
