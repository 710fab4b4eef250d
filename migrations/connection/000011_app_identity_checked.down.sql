-- The constraints go with their columns.
SELECT;
