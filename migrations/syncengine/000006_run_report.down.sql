DROP TABLE entra_run_identities;
DROP FUNCTION keep_report_days(integer), keep_report_days_at(timestamptz, integer), report_day_id(date);
