-- A constraint that holds for all rows does no harm.
SELECT;
