-- What was validated may stay so.
SELECT 1;
