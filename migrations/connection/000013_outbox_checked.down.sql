-- The constraint goes with its column.
SELECT;
